//! `wod ticket`: a signed login, for testing and for scripts.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;

use crate::exit::{Exit, Failure, Outcome};
use crate::{keyfile, output};

/// Arguments of `wod ticket`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    login: Login,
    /// Who the player is for ever (claim `sub`)
    #[arg(long, value_name = "ID", required_unless_present = "new_key")]
    sub: Option<String>,
    /// The name of a new character, 2 to 24 characters [default: the id]
    #[arg(long)]
    name: Option<String>,
    /// How long the ticket is good, for example 30s, 15m, 1h, 7d
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration)]
    ttl: Duration,
    /// Write a new Ed25519 key to FILE (secret, for `--key`) and FILE.pub (for the gateway), and stop
    #[arg(long, value_name = "FILE", exclusive = true)]
    new_key: Option<PathBuf>,
}

/// With what a ticket is signed.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Login {
    /// Sign with this Ed25519 private key (PEM)
    #[arg(long, value_name = "FILE", conflicts_with = "secret")]
    pub(crate) key: Option<PathBuf>,
    /// Sign with this shared secret (HS256)
    #[arg(long, value_name = "SECRET", env = "WOD_TICKET_SECRET", hide_env_values = true)]
    pub(crate) secret: Option<String>,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        if let Some(file) = self.new_key {
            let public = keyfile::make(&file)?;
            let [secret, public] = [file.display(), public.display()];
            output::line(format_args!("{secret} signs tickets (keep it secret); {public} is for the gateway"));
            return Ok(());
        }
        let Some(signer) = self.login.signer()? else {
            return Err(Failure::text(Exit::Usage, "nothing to sign with")
                .hint("give --key FILE or --secret SECRET; `wod ticket --new-key FILE` makes a key"));
        };
        let sub = self.sub.context("--sub is required")?;
        let name = self.name.unwrap_or_else(|| sub.clone());
        output::line(signer.sign(&sub, &name, self.ttl)?);
        Ok(())
    }
}

impl Login {
    /// What signs; none when neither was given.
    pub(crate) fn signer(&self) -> anyhow::Result<Option<Signer>> {
        match (&self.key, &self.secret) {
            (Some(file), _) => {
                let pem = std::fs::read(file).with_context(|| format!("can't read the key {}", file.display()))?;
                let key = EncodingKey::from_ed_pem(&pem)
                    .with_context(|| format!("{} is no Ed25519 private key in PEM (PKCS #8)", file.display()))?;
                Ok(Some(Signer { algorithm: Algorithm::EdDSA, key }))
            }
            (None, Some(secret)) => {
                Ok(Some(Signer { algorithm: Algorithm::HS256, key: EncodingKey::from_secret(secret.as_bytes()) }))
            }
            (None, None) => Ok(None),
        }
    }
}

/// Signs tickets.
pub(crate) struct Signer {
    algorithm: Algorithm,
    key: EncodingKey,
}

#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    name: &'a str,
    exp: u64,
    jti: String,
}

impl Signer {
    /// A ticket for this player, good for `ttl`.
    pub(crate) fn sign(&self, sub: &str, name: &str, ttl: Duration) -> anyhow::Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the system clock is before 1970")?;
        let jti = format!("{:032x}", rand::random::<u128>());
        let claims = Claims { sub, name, exp: (now + ttl).as_secs(), jti };
        jsonwebtoken::encode(&Header::new(self.algorithm), &claims, &self.key).context("can't sign the ticket")
    }
}

/// `90s`, `15m`, `1h`, `7d`; seconds when there is no unit.
pub(crate) fn duration(text: &str) -> anyhow::Result<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        other => bail!("`{other}` is no unit: use s, m, h or d"),
    };
    let count: u64 = digits.parse().with_context(|| format!("`{digits}` is no whole number"))?;
    Ok(Duration::from_secs(count.checked_mul(unit).context("that is too long")?))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;
    use jsonwebtoken::{DecodingKey, Validation};

    #[test]
    fn a_new_key_signs_tickets_that_its_public_half_accepts() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("tickets.pem");
        keyfile::make(&file).unwrap();
        assert!(keyfile::make(&file).is_err(), "a key is never overwritten");
        let login = Login { key: Some(file.clone()), secret: None };
        let ticket = login.signer().unwrap().unwrap().sign("ann", "Ann", Duration::from_secs(60)).unwrap();
        let public = std::fs::read(dir.path().join("tickets.pem.pub")).unwrap();
        let key = DecodingKey::from_ed_pem(&public).unwrap();
        let claims =
            jsonwebtoken::decode::<serde_json::Value>(&ticket, &key, &Validation::new(Algorithm::EdDSA)).unwrap();
        assert_eq!(claims.claims["sub"], "ann");
    }

    #[test]
    fn times_are_read_with_their_unit() {
        assert_eq!(duration("15m").unwrap(), Duration::from_secs(900));
        assert_eq!(duration("7").unwrap(), Duration::from_secs(7));
        assert!(duration("1w").is_err() && duration("h").is_err());
    }
}
