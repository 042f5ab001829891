//! Tickets: logins signed by whoever keeps the players' accounts (JWT, EdDSA or HS256).

use std::sync::Arc;

use anyhow::Context;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use wod_gateway_core::Identity;

/// How far clocks may be apart, s.
const LEEWAY: u64 = 5;

/// How tickets are checked.
#[derive(Clone)]
pub(crate) enum Tickets {
    /// By their signatures.
    Signed(Arc<TicketVerifier>),
    /// Not at all, for simulations: a ticket is the player's `sub`, which is also her name.
    #[cfg(feature = "testing")]
    Believed,
}

/// What [`Tickets::Believed`] takes a ticket for.
#[cfg(feature = "testing")]
#[expect(clippy::unnecessary_wraps, reason = "a verdict, like that of a signature")]
pub(crate) fn believe(ticket: &str) -> Result<Identity, String> {
    Ok(Identity { sub: ticket.into(), name: ticket.to_owned() })
}

/// Checks tickets. They may be used again until they expire: an older connection just gives way to the newer.
pub(crate) struct TicketVerifier {
    key: Option<(DecodingKey, Validation)>,
}

/// The claims of a ticket that matter here.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    name: String,
}

impl TicketVerifier {
    /// `key`: the PEM text of an Ed25519 public key, or an HS256 secret. None: every ticket is refused.
    pub(crate) fn new(key: Option<&str>) -> anyhow::Result<Self> {
        let key = match key {
            None => None,
            Some(pem) if pem.starts_with("-----BEGIN") => {
                let key =
                    DecodingKey::from_ed_pem(pem.as_bytes()).context("ticket_key: not an Ed25519 public key in PEM")?;
                Some((key, validation(Algorithm::EdDSA)))
            }
            Some(secret) => Some((DecodingKey::from_secret(secret.as_bytes()), validation(Algorithm::HS256))),
        };
        Ok(Self { key })
    }

    /// Whom a ticket speaks for, or, for the person at the client, why it is not good.
    pub(crate) fn verify(&self, ticket: &str) -> Result<Identity, String> {
        let Some((key, validation)) = &self.key else { return Err("this gateway takes no tickets".to_owned()) };
        let claims = jsonwebtoken::decode::<Claims>(ticket, key, validation)
            .map_err(|error| format!("the ticket is not good: {error}"))?
            .claims;
        Ok(Identity { sub: claims.sub.into(), name: claims.name })
    }
}

fn validation(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.leeway = LEEWAY;
    validation.validate_aud = false;
    validation.set_required_spec_claims(&["exp", "sub"]);
    validation
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::json;

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    // Made for this test with `openssl genpkey -algorithm ed25519`; guards nothing.
    const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIMUs977xXtEJ8yaYPnAUeYR7KWn5tw+cih7goi0n1kUa\n-----END PRIVATE KEY-----\n";
    const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAOvCg6DEQLFolNrbCZMIkJqY4cdgdICiFAlXuYzgfj8Y=\n-----END PUBLIC KEY-----\n";

    fn ticket(algorithm: Algorithm, claims: &serde_json::Value) -> String {
        let key = match algorithm {
            Algorithm::EdDSA => EncodingKey::from_ed_pem(PRIVATE.as_bytes()).expect("a key"),
            _ => EncodingKey::from_secret(SECRET.as_bytes()),
        };
        jsonwebtoken::encode(&Header::new(algorithm), claims, &key).expect("encodes")
    }

    fn good() -> serde_json::Value {
        let now = jsonwebtoken::get_current_timestamp();
        json!({"sub": "ann", "name": "Ann", "exp": now + 60, "jti": "1"})
    }

    #[test]
    fn a_good_ticket_names_its_player_under_either_algorithm() {
        let ann = Ok(Identity { sub: "ann".into(), name: "Ann".into() });
        for (algorithm, key) in [(Algorithm::EdDSA, PUBLIC), (Algorithm::HS256, SECRET)] {
            let verifier = TicketVerifier::new(Some(key)).expect("a good key");
            assert_eq!(verifier.verify(&ticket(algorithm, &good())), ann);
        }
    }

    #[test]
    fn expired_forged_and_incomplete_tickets_are_refused() {
        let verifier = TicketVerifier::new(Some(SECRET)).expect("a good key");
        let without = |claim: &str| {
            let mut claims = good();
            claims.as_object_mut().expect("an object").remove(claim);
            ticket(Algorithm::HS256, &claims)
        };
        let mut expired = good();
        expired["exp"] = json!(jsonwebtoken::get_current_timestamp() - 60);
        let good = ticket(Algorithm::HS256, &good());
        let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4iLCJuYW1lIjoiQW5uIiwiZXhwIjo5OTk5OTk5OTk5fQ.";
        let bad = [
            ticket(Algorithm::HS256, &expired),
            without("exp"),
            without("sub"),
            without("name"),
            format!("{good}x"),
            unsigned.to_owned(),
            "garbage".to_owned(),
            String::new(),
        ];
        for ticket in bad {
            assert!(verifier.verify(&ticket).is_err(), "{ticket}");
        }
        // A public key taken for a secret must not verify anything.
        let confused = TicketVerifier::new(Some(PUBLIC)).expect("a good key");
        assert!(confused.verify(&good).is_err());
        assert!(TicketVerifier::new(None).expect("no key").verify(&good).is_err());
        assert!(TicketVerifier::new(Some("-----BEGIN NONSENSE")).is_err());
    }
}
