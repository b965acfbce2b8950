"""MSAL for Python, unmodified, signs in against the emulator.

Twice: at the emulator's own https address, and with production settings through its forward proxy. Each time with a
secret and with a certificate: sign-in, silent renewal, a Graph call.

Environment: EMULATOR (its http origin), EMULATOR_CA (file), CERTIFICATES (folder with app.pem and app-key.pem).
"""

import os
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msal
import requests

# requests would prefer the machine's own certificates to the ones it is told to verify with.
for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
    os.environ.pop(name, None)

EMULATOR = os.environ["EMULATOR"]
CA = os.environ["EMULATOR_CA"]
CERTIFICATES = Path(os.environ["CERTIFICATES"])
CLIENT_ID = "7d1c1b5e-5a0c-4f5e-9a55-6f7f8f0d2b11"
SECRET = "python+secret&with=all%of/them"
REDIRECT_URI = "https://app.example/getAToken"
SCOPES = ["User.Read", "User.ReadBasic.All"]

control = requests.Session()
control.trust_env = False


def register():
    client = {
        "client_id": CLIENT_ID,
        "name": "MSAL for Python",
        "secrets": [SECRET],
        "certificates": [(CERTIFICATES / "app.pem").read_text()],
        "redirect_uris": [REDIRECT_URI],
        "consented": SCOPES + ["openid", "profile", "offline_access"],
    }
    control.post(f"{EMULATOR}/_control/clients", json=client).raise_for_status()


def certificate_credential():
    return {
        "private_key": (CERTIFICATES / "app-key.pem").read_text(),
        "public_certificate": (CERTIFICATES / "app.pem").read_text(),
    }


def sign_in(authority, graph, credential, **options):
    browser = requests.Session()
    browser.trust_env = False
    browser.verify = CA
    browser.proxies = options.get("proxies")
    app = msal.ConfidentialClientApplication(
        CLIENT_ID, authority=authority, client_credential=credential, verify=CA, **options
    )
    people = control.get(f"{EMULATOR}/_control/people").json()
    user = people[0]["username"]

    flow = app.initiate_auth_code_flow(SCOPES, redirect_uri=REDIRECT_URI, login_hint=user)
    assert "auth_uri" in flow, flow
    answer = browser.get(flow["auth_uri"], allow_redirects=False)
    assert answer.status_code == 302, answer.text
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    result = app.acquire_token_by_auth_code_flow(flow, {name: values[0] for name, values in query.items()})
    assert "access_token" in result, result
    assert result["id_token_claims"]["preferred_username"] == user

    [account] = app.get_accounts()
    cached = app.acquire_token_silent(SCOPES, account)
    assert cached["access_token"] == result["access_token"], "the cache has it"
    renewed = app.acquire_token_silent_with_error(SCOPES, account, force_refresh=True)
    assert "access_token" in renewed, renewed
    assert renewed["access_token"] != result["access_token"]

    me = browser.get(f"{graph}/v1.0/me", headers={"Authorization": f"Bearer {renewed['access_token']}"})
    assert me.json()["userPrincipalName"] == user, me.text


def main():
    register()
    port = urlsplit(EMULATOR).port
    here = f"https://localhost:{port}"
    proxied = {"proxies": {"https": EMULATOR}}
    for name, credential in (("secret", SECRET), ("certificate", certificate_credential())):
        sign_in(f"{here}/common", here, credential, instance_discovery=False)
        print(f"MSAL for Python {msal.__version__}: signed in with a {name}")
        sign_in("https://login.microsoftonline.com/common", "https://graph.microsoft.com", credential, **proxied)
        print(f"MSAL for Python {msal.__version__}: … and through the proxy, as in production")


if __name__ == "__main__":
    sys.exit(main())
