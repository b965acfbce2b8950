//! `GET /organization`.

use serde_json::json;

use super::call::{Call, Reply};
use super::error::Refusal;
use super::scopes;

/// The caller's organisation, as a list of one.
pub fn get(call: &Call<'_>) -> Result<Reply, Refusal> {
    if call.tenant.personal {
        return Err(Refusal::personal());
    }
    scopes::require(call.access, scopes::ORGANIZATION)?;
    let domain = &call.tenant.domain;
    Ok(Reply::json(json!({
        "@odata.context": call.context("organization", &[], false, false),
        "value": [{
            "id": call.tenant.id,
            "displayName": call.tenant.name,
            "tenantType": "AAD",
            "country": null,
            "countryLetterCode": "NL",
            "preferredLanguage": "en",
            "createdDateTime": "2016-01-04T08:00:00Z",
            "businessPhones": [],
            "technicalNotificationMails": [format!("it@{domain}")],
            "verifiedDomains": [{
                "capabilities": "Email, OfficeCommunicationsOnline",
                "isDefault": true,
                "isInitial": true,
                "name": domain,
                "type": "Managed",
            }],
        }],
    })))
}
