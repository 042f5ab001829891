//! What operators do to one player, wherever she is: export all that is kept of her, give her another name, delete her.
//!
//! Who is in a zone is that zone's: its owner is asked, and asked again where she has gone meanwhile. Who is nowhere is her record.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;
use wod_protocol::ids::{Sub, ZoneNo};
use wod_protocol::limits::DECODE_DEPTH;
use wod_protocol::name::check_name;
use wod_protocol::record::{Place, PlayerRecord};
use wod_protocol::units::UNITS_PER_METRE;
use wod_sim::io::{Input, PlayerAct, PlayerAnswer};

use super::{Admin, Failure, Instead, PASSED_ON, accept, find, host_beats, parse, read, wait};
use crate::characters::{self, Delete, FORMER_NAMES, Rename};
use crate::port::ZonePort;
use crate::store;

/// Version of what an export looks like. Fields may be added within a version.
const EXPORT_SCHEMA: u32 = 1;
/// How long a player who is on her way, or whose zone has no owner, is looked for.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// How long another host may take to have its zone answer.
const ERRAND_TIMEOUT: Duration = Duration::from_secs(12);
/// What a deleted player is told if she is in the world.
const FAREWELL: &str = "your character was deleted";

/// Of a player in a zone; what one host asks of another.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Errand {
    sub: Sub,
    act: PlayerAct,
}

/// Does something to a player in a zone of this host, or passes it on.
pub(super) async fn attend(
    State(admin): State<Admin>,
    Path(zone): Path<String>,
    request: Request,
) -> Result<Response, Instead> {
    let (port, bytes) = find(&admin, &zone, request).await?;
    let Errand { sub, act } = parse(&bytes, r#"{"sub": "…", "act": "Show" or {"Kick": "why"} or {"Rename": "name"}}"#)?;
    let reply = attend_here(&admin, &port, sub, act).await?;
    Ok(([(CONTENT_TYPE, "application/json")], reply).into_response())
}

async fn attend_here(admin: &Admin, port: &ZonePort, sub: Sub, act: PlayerAct) -> Result<String, Failure> {
    let (request, answer) = admin.host.operators.ask(port.zone);
    accept(port.push(Input::Player { request, sub, act }))?;
    wait(&port.zone.to_string(), answer).await
}

/// The zone's answer, whichever host's it is.
async fn attend_in(admin: &Admin, zone: ZoneNo, sub: &Sub, act: &PlayerAct) -> Result<PlayerAnswer, Failure> {
    let host = &admin.host;
    let text = if let Some(port) = host.port(zone) {
        attend_here(admin, &port, sub.clone(), act.clone()).await?
    } else {
        let name = host.config.world.zone(zone).with_context(|| format!("the world has no zone {zone}"))?.name.clone();
        let owner = host.backplane.owner(zone).await.context("reading who owns the zone")?;
        let owner = owner.with_context(|| format!("no host runs zone `{name}` now"))?;
        let beats = host_beats(host).await?;
        let beat = beats.iter().find(|beat| beat.host == owner.host);
        let beat = beat.with_context(|| format!("host {} has not told where it answers operators", owner.host))?;
        let errand = Errand { sub: sub.clone(), act: act.clone() };
        let url = format!("http://{}/api/zones/{name}/player", beat.admin);
        let request = admin.http.post(url).header(PASSED_ON, "1").timeout(ERRAND_TIMEOUT).json(&errand);
        let answer = request.send().await.with_context(|| format!("host {} does not answer", owner.host))?;
        let answer = answer.error_for_status().with_context(|| format!("host {} refuses", owner.host))?;
        answer.text().await.with_context(|| format!("host {} broke off its answer", owner.host))?
    };
    let answer = serde_json::from_str(&text);
    let answer = answer.with_context(|| format!("zone {zone} answers something else: is its host of another version?"));
    answer.map_err(Failure::from)
}

/// Looks for a player until a zone has done that to her; none: she is nowhere.
async fn attend_anywhere(admin: &Admin, sub: &Sub, act: &PlayerAct) -> Result<Option<PlayerAnswer>, Failure> {
    let deadline = Instant::now() + PATIENCE;
    let mut on_her_way_to = None;
    loop {
        let record = store::read(&admin.host.backplane, sub).await.context("reading her record")?;
        let place = record.map_or(Place::Offline, |(_, record)| record.place);
        let zone = match (on_her_way_to.take(), place) {
            (Some(zone), _) | (None, Place::Zone(zone)) => zone,
            (None, Place::Offline) => return Ok(None),
        };
        let trouble = match attend_in(admin, zone, sub, act).await {
            Ok(PlayerAnswer::Elsewhere(zone)) => {
                on_her_way_to = Some(zone);
                None
            }
            Ok(PlayerAnswer::NotHere) => None,
            Ok(done) => return Ok(Some(done)),
            Err(failure) => Some(failure),
        };
        if Instant::now() > deadline {
            let error = format!("she was not found in the zone of her record within {PATIENCE:?}");
            let hint = "`wod zones` shows whether all zones run; try again";
            return Err(trouble.unwrap_or_else(|| Failure::new(StatusCode::SERVICE_UNAVAILABLE, error, hint)));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

async fn record_of(admin: &Admin, name: &str) -> Result<PlayerRecord, Failure> {
    let record = store::find_record(&admin.host.backplane, name).await.context("looking the name up")?;
    record.ok_or_else(|| nobody(name))
}

fn nobody(name: &str) -> Failure {
    let hint = "names of guests are free when they leave; `wod players` lists who is in the world";
    Failure::new(StatusCode::NOT_FOUND, format!("no player is called `{name}`"), hint)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewName {
    to: String,
}

/// Gives a player another name.
pub(super) async fn rename(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Instead> {
    let (_, bytes) = read(request).await?;
    let NewName { to } = parse(&bytes, r#"{"to": "the new name"}"#)?;
    let refusal = |error: String, hint: &str| Failure::new(StatusCode::UNPROCESSABLE_ENTITY, error, hint);
    let to = match check_name(&to) {
        Ok(to) => to,
        Err(flaw) => return Err(refusal(flaw.to_string(), "choose another name").into()),
    };
    let record = record_of(&admin, &name).await?;
    let sub = &record.player.sub;
    let deadline = Instant::now() + PATIENCE;
    loop {
        match characters::rename(&admin.host.backplane, sub, &to).await.context("keeping the name for her")? {
            Rename::Done => break,
            // She may be nowhere by the time that she is looked for: then it is her record again.
            Rename::InZone(_) => {
                if attend_anywhere(&admin, sub, &PlayerAct::Rename(to.clone())).await?.is_some() {
                    break;
                }
            }
            Rename::Taken => {
                let error = format!("somebody has the name `{to}`, or one that looks like it");
                return Err(refusal(error, "choose another name").into());
            }
            Rename::TooMany => {
                let error = format!("she has had {FORMER_NAMES} names, which stay hers");
                return Err(refusal(error, "give her one of those again; `wod players export` lists them").into());
            }
            Rename::Guest => {
                let error = format!("`{name}` is a guest, whose name is hers only while she plays");
                return Err(refusal(error, "she can leave, and come again by another name").into());
            }
            Rename::Nobody => return Err(nobody(&name).into()),
        }
        if Instant::now() > deadline {
            return Err(refusal("she comes and goes too often".into(), "the name is kept for her; try again").into());
        }
    }
    tracing::info!(%sub, from = record.player.name, to, "an operator gives a player another name");
    Ok(Json(json!({ "sub": sub, "from": record.player.name, "to": to })).into_response())
}

/// Deletes a player and everything kept of her; who is in the world is thrown out first.
pub(super) async fn delete(State(admin): State<Admin>, Path(name): Path<String>) -> Result<Response, Failure> {
    let record = record_of(&admin, &name).await?;
    let sub = &record.player.sub;
    let deadline = Instant::now() + PATIENCE;
    let mut kicked = false;
    loop {
        match characters::delete(&admin.host.backplane, sub).await.context("deleting her record")? {
            Delete::Done => break,
            // A guest's record went when she did.
            Delete::Nobody if kicked => break,
            Delete::Nobody => return Err(nobody(&name)),
            Delete::InZone(_) => {
                kicked |= attend_anywhere(&admin, sub, &PlayerAct::Kick(FAREWELL.into())).await?.is_some();
            }
        }
        if Instant::now() > deadline {
            let error = format!("`{name}` is still in the world after {PATIENCE:?}");
            return Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, error, "try again: it goes on where it stopped"));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    tracing::info!(%sub, name, "an operator deletes a player");
    Ok(Json(json!({ "deleted": name, "sub": sub, "kicked": kicked })).into_response())
}

/// What is kept of one player, as `wod players export` writes it.
#[derive(Serialize)]
struct Export<'a> {
    schema: u32,
    name: &'a str,
    sub: &'a Sub,
    /// Still hers.
    former_names: Vec<&'a String>,
    guest: bool,
    /// Her zone; none: she is nowhere.
    zone: Option<String>,
    /// Where she was last.
    last_zone: String,
    /// Her zone's word of this moment; none: what follows is what her record says.
    as_of: Option<AsOf>,
    /// In the region's plane.
    position: Position,
    /// What each module has saved for her.
    saved: BTreeMap<&'a str, Saved>,
    /// Everything else that goes with her from zone to zone, as it is kept: lengths in 1/256 m.
    player: Value,
    record: Value,
}

#[derive(Serialize)]
struct AsOf {
    tick: u64,
    game_ms: u64,
}

#[derive(Serialize)]
struct Position {
    x_m: f64,
    y_m: f64,
    /// 0: the world's.
    speed_m_s: f64,
}

#[derive(Serialize)]
struct Saved {
    base64: String,
    /// The same decoded, where it is MessagePack that JSON has a form for.
    value: Option<Value>,
}

/// Everything that is kept of a player. Not here: her session (numbers, unread messages), which lasts as long as she plays, and what
/// modules keep of her in their own state.
pub(super) async fn export(State(admin): State<Admin>, Path(name): Path<String>) -> Result<Response, Failure> {
    let found = record_of(&admin, &name).await?;
    if found.deleted {
        return Err(nobody(&name));
    }
    let sub = found.player.sub.clone();
    let shown = attend_anywhere(&admin, &sub, &PlayerAct::Show).await?;
    // Where she is may have changed while she was looked for.
    let record = store::read(&admin.host.backplane, &sub).await.context("reading her record")?;
    let record = record.map_or(found, |(_, record)| record);
    let (player, as_of) = match &shown {
        Some(PlayerAnswer::Shown { tick, game_ms, player }) => {
            (&**player, Some(AsOf { tick: tick.0, game_ms: *game_ms }))
        }
        _ => (&record.player, None),
    };
    let zone_name = |number: ZoneNo| {
        let zone = admin.host.config.world.zone(number);
        zone.map_or_else(|| number.to_string(), |zone| zone.name.to_string())
    };
    let place = match record.place {
        Place::Zone(zone) => Some(zone_name(zone)),
        Place::Offline => None,
    };
    let (x_m, y_m) = player.at.metres();
    let export = Export {
        schema: EXPORT_SCHEMA,
        name: &player.name,
        sub: &player.sub,
        former_names: record.former.iter().filter(|name| **name != player.name).collect(),
        guest: player.guest,
        zone: place,
        last_zone: zone_name(record.zone),
        as_of,
        position: Position { x_m, y_m, speed_m_s: f64::from(player.speed) / f64::from(UNITS_PER_METRE) },
        saved: player.saved.iter().map(|(module, bytes)| (module.as_str(), saved(bytes))).collect(),
        player: without(player, &["saved", "session"])?,
        record: without(&record, &["player"])?,
    };
    Ok(Json(export).into_response())
}

/// A thing as JSON but for these fields.
fn without(whole: &impl Serialize, fields: &[&str]) -> Result<Value, Failure> {
    let mut value = serde_json::to_value(whole).context("what is kept of her has no form in JSON")?;
    if let Value::Object(known) = &mut value {
        known.retain(|field, _| !fields.contains(&field.as_str()));
    }
    Ok(value)
}

fn saved(bytes: &Bytes) -> Saved {
    Saved { base64: BASE64.encode(bytes), value: from_message_pack(bytes) }
}

/// MessagePack as JSON; none: it is something else, or has what JSON has not (bytes, keys that are no text).
fn from_message_pack(bytes: &[u8]) -> Option<Value> {
    let mut rest = bytes;
    let mut decoder = rmp_serde::Deserializer::new(&mut rest);
    decoder.set_max_depth(DECODE_DEPTH);
    let value = Value::deserialize(&mut decoder).ok()?;
    drop(decoder);
    rest.is_empty().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saved_bytes_are_shown_as_what_they_are_where_json_can() {
        let bytes = rmp_serde::to_vec_named(&json!({"owned": 5, "keys": ["cellar"]})).expect("it encodes");
        assert_eq!(saved(&bytes.into()).value, Some(json!({"owned": 5, "keys": ["cellar"]})));
        for none in [&b"\xc4\x01\x00"[..], b"", b"\xc1", b"\x05\x05", b"\x81\x05\x05"] {
            assert_eq!(from_message_pack(none), None, "{none:?}");
        }
        assert_eq!(saved(&Bytes::from_static(b"\xc1\xff")).base64, "wf8=");
    }
}
