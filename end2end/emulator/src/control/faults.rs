//! The faults that are set and whom they strike.

use std::sync::Mutex;

use tokio::sync::Notify;

use super::{Asker, Fault, Rule};
use crate::lock;

#[derive(Default)]
pub(super) struct Faults {
    rules: Mutex<Vec<Rule>>,
    gate: Notify,
}

impl Faults {
    pub(super) fn add(&self, rule: Rule) {
        if rule.times != Some(0) {
            lock(&self.rules).push(rule);
        }
    }

    pub(super) fn list(&self) -> Vec<Rule> {
        lock(&self.rules).clone()
    }

    pub(super) fn clear(&self) {
        lock(&self.rules).clear();
        self.release();
    }

    pub(super) fn release(&self) {
        self.gate.notify_waiters();
    }

    pub(super) async fn held(&self) {
        self.gate.notified().await;
    }

    /// The first fault for this asker that `pick` wants, counted as struck.
    pub(super) fn strike<T>(&self, asker: &Asker, pick: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        let mut rules = lock(&self.rules);
        let (index, picked) = rules
            .iter()
            .enumerate()
            .filter(|(_, rule)| applies(rule, asker))
            .find_map(|(index, rule)| Some((index, pick(&rule.fault)?)))?;
        if spent(&mut rules[index]) {
            rules.remove(index);
        }
        Some(picked)
    }

    /// Every fault for this asker that `pick` wants, each counted as struck once.
    pub(super) fn strike_all<T>(
        &self,
        asker: &Asker,
        pick: impl Fn(&Fault) -> Option<T>,
    ) -> Vec<T> {
        let mut picked = Vec::new();
        lock(&self.rules).retain_mut(|rule| {
            let Some(found) = applies(rule, asker).then(|| pick(&rule.fault)).flatten() else {
                return true;
            };
            picked.push(found);
            !spent(rule)
        });
        picked
    }
}

/// Counts a strike and tells whether it was the last one.
fn spent(rule: &mut Rule) -> bool {
    rule.times.as_mut().is_some_and(|left| {
        *left = left.saturating_sub(1);
        *left == 0
    })
}

fn applies(rule: &Rule, asker: &Asker) -> bool {
    let fits = |wanted: &Option<String>, is: &Option<String>| {
        wanted.as_ref().is_none_or(|wanted| {
            is.as_ref()
                .is_some_and(|is| wanted.eq_ignore_ascii_case(is))
        })
    };
    fits(&rule.client_id, &asker.client_id)
        && fits(&rule.grant, &asker.grant)
        && (fits(&rule.user, &asker.oid) || fits(&rule.user, &asker.username))
        && rule
            .path
            .as_ref()
            .is_none_or(|part| asker.path.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Forgery;

    fn forgery(fault: &Fault) -> Option<Forgery> {
        match fault {
            Fault::IdToken { forgery } => Some(forgery.clone()),
            _ => None,
        }
    }

    #[test]
    fn a_fault_strikes_as_often_as_it_says() {
        let faults = Faults::default();
        faults.add(Fault::id_token(Forgery::AlgNone).times(2));
        let anyone = Asker::default();
        assert!(faults.strike(&anyone, forgery).is_some());
        assert!(faults.strike(&anyone, forgery).is_some());
        assert!(faults.strike(&anyone, forgery).is_none());
    }

    #[test]
    fn a_fault_for_one_user_and_client_spares_the_others() {
        let faults = Faults::default();
        faults.add(
            Fault::id_token(Forgery::AlgNone)
                .for_user("ada@fabrikam.example")
                .for_client("one"),
        );
        let ada = Asker {
            username: Some("Ada@fabrikam.example".into()),
            client_id: Some("one".into()),
            ..Asker::default()
        };
        let other = Asker {
            client_id: Some("two".into()),
            ..ada.clone()
        };
        assert!(faults.strike(&other, forgery).is_none());
        assert!(faults.strike(&Asker::default(), forgery).is_none());
        assert!(faults.strike(&ada, forgery).is_some());
    }
}
