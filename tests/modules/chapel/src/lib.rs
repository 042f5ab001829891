//! A chapel in which nobody shouts. What a line begins with says what becomes of it.

use serde::{Deserialize, Serialize};
use wod_zone::{ChatMode, Ctx, Error, Line, Result, Verdict, Zone};

#[derive(Serialize, Deserialize)]
struct Chapel {
    /// Lines judged so far.
    judged: u64,
}

impl Zone for Chapel {
    const NAME: &'static str = "chapel";
    const CHAT_FILTER: bool = true;
    type Timer = ();
    type Player = ();

    fn open(_ctx: &mut Ctx<Self>) -> Result<Self> {
        Ok(Self { judged: 0 })
    }

    fn judge(&mut self, ctx: &mut Ctx<Self>, line: &Line) -> Result<Verdict> {
        self.judged += 1;
        if line.mode == ChatMode::Shout {
            return Err(Error::to_player("Hush!"));
        }
        let (word, rest) = line.text.split_once(' ').unwrap_or((&line.text, ""));
        match word {
            "change" => Ok(Verdict::Change(format!("{rest} ({}, at {} {})", self.judged, line.at.x, line.at.y))),
            "veto" => Ok(Verdict::Veto(rest.to_owned())),
            "grow" => Ok(Verdict::Change(rest.repeat(1_000_000))),
            "kick" => ctx.kick(line.speaker, rest).map(|()| Verdict::Pass),
            "error" => Err("the candle went out".into()),
            "panic" => panic!("a beam of daylight"),
            "loop" => loop {
                std::hint::black_box(());
            },
            _ => Ok(Verdict::Pass),
        }
    }
}

wod_zone::export!(Chapel, chat_filter);
