//! A player in the world: what this gateway holds for her until the zone, or her client, has it for good.

use std::collections::VecDeque;
use std::time::Duration;

use wod_protocol::bus::{Attached, CommandBody, MoveClaim};
use wod_protocol::client::ServerMsg;
use wod_protocol::ids::{AttachNo, CorrectionNo, EntityId, MoveNo, MsgNo, Seq, SessionId, Sub, ZoneNo};
use wod_protocol::limits::MOVES_PER_SECOND;
use wod_protocol::units::{Heading, Pos};

use crate::admission::Admission;
use crate::limits::{COMMAND_BURST, COMMANDS_PER_SECOND, MOVE_BURST, REJECTED_BURST};
use crate::rate::RateLimit;

/// A player of this gateway.
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) sub: Sub,
    pub(crate) name: String,
    /// BLAKE3 of the token that her client holds.
    pub(crate) token_hash: [u8; 32],
    /// Her connection's number; inputs of others are void.
    pub(crate) attach: AttachNo,
    pub(crate) you: EntityId,
    pub(crate) zone: ZoneNo,
    /// Where she is, as far as is known here: her last claim, or what the zone said since.
    pub(crate) at: Pos,
    pub(crate) heading: Heading,
    pub(crate) c: CorrectionNo,
    /// Her last claim's number.
    pub(crate) m: MoveNo,
    /// Metres a second × 256.
    pub(crate) speed: i32,
    /// The last command taken from her client.
    pub(crate) received: Seq,
    /// The last command her client knows to be dealt with.
    pub(crate) acked: Seq,
    /// Commands after `acked`, in order, held for the zone.
    pub(crate) pending: VecDeque<Pending>,
    /// The last reliable message sent to her client.
    pub(crate) n: MsgNo,
    /// Her client waits for the last lines that she has heard; told once, though her zone repeats them.
    pub(crate) wants_history: bool,
    /// Her client's newest `ack` that the zone does not know yet.
    pub(crate) client_ack: Option<MsgNo>,
    /// Her newest claim, held back because she sends too many.
    pub(crate) late_move: Option<MoveClaim>,
    /// Whether one of the two above waits for the next flush.
    pub(crate) dirty: bool,
    pub(crate) moves: RateLimit,
    pub(crate) commands: RateLimit,
    pub(crate) rejected: RateLimit,
    /// Who is near her.
    pub(crate) roster: Vec<Seen>,
    /// When a zone last said that she is attached there.
    pub(crate) confirmed: Duration,
    /// Since when she has stood in this region, if she came to it by travelling or logging in; none: she has resumed here, in
    /// that region, so she is content with this gateway.
    pub(crate) travelled: Option<Duration>,
    /// Set while she is on her way to another zone.
    pub(crate) transit: Option<Transit>,
    /// Set while this gateway, having lost track of her, looks for her.
    pub(crate) relocation: Option<Box<Admission>>,
}

/// A command that the zone has not acked.
pub(crate) struct Pending {
    pub(crate) seq: Seq,
    pub(crate) body: CommandBody,
    pub(crate) received: Duration,
    /// When it was last given to the zone.
    pub(crate) sent: Duration,
}

/// An entity in a roster.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// Its place in the zone's [`Entities`](crate::zone::Entities).
    pub(crate) slot: u32,
    /// It moved while her client was congested: the flags of all that movement.
    pub(crate) owed: Option<u8>,
}

/// On her way to another zone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Transit {
    pub(crate) to: ZoneNo,
    pub(crate) since: Duration,
    /// When that zone was last asked whether she is there.
    pub(crate) asked: Duration,
}

impl Session {
    /// A player let in. `n`: the last reliable message her client has.
    pub(crate) fn new(admission: &Admission, attached: &Attached, zone: ZoneNo, n: MsgNo, now: Duration) -> Self {
        Self {
            id: attached.session,
            sub: attached.sub.clone(),
            name: attached.name.clone(),
            token_hash: admission.token_hash,
            attach: attached.attach,
            you: attached.you,
            zone,
            at: attached.at,
            heading: attached.heading,
            c: attached.c,
            m: MoveNo(0),
            speed: attached.speed,
            received: attached.seq,
            acked: attached.seq,
            pending: VecDeque::new(),
            n,
            wants_history: admission.wants_history(),
            client_ack: None,
            late_move: None,
            dirty: false,
            moves: RateLimit::new(MOVES_PER_SECOND, MOVE_BURST),
            commands: RateLimit::new(COMMANDS_PER_SECOND, COMMAND_BURST),
            rejected: RateLimit::new(1, REJECTED_BURST),
            roster: Vec::new(),
            confirmed: now,
            travelled: (!admission.is_resume()).then_some(now),
            transit: None,
            relocation: None,
        }
    }

    /// Whether her client was told of something that her zone does not know.
    pub(crate) fn is_ahead_of(&self, attached: &Attached) -> bool {
        attached.seq < self.acked || attached.n < self.n
    }

    /// Her zone says how she stands.
    pub(crate) fn stand(&mut self, attached: &Attached) {
        self.attach = attached.attach;
        self.name.clone_from(&attached.name);
        self.at = attached.at;
        self.heading = attached.heading;
        self.c = attached.c;
        self.speed = attached.speed;
    }

    /// She stands in a zone anew: crossed over, or found again.
    pub(crate) fn arrive(&mut self, attached: &Attached, zone: ZoneNo) {
        self.stand(attached);
        self.zone = zone;
        self.transit = None;
        self.relocation = None;
        self.late_move = None;
    }

    /// Tells her client where she stands and what her `c` is.
    pub(crate) fn placed(&self) -> ServerMsg {
        let (x, y) = self.at.metres();
        ServerMsg::Correct { c: self.c, m: self.m, x, y, why: "placed".into() }
    }

    /// Commands up to `seq` are dealt with. The message for her client, if that is news.
    pub(crate) fn acknowledge(&mut self, seq: Seq) -> Option<ServerMsg> {
        if seq <= self.acked {
            return None;
        }
        self.acked = seq;
        self.received = self.received.max(seq);
        while self.pending.front().is_some_and(|command| command.seq <= seq) {
            self.pending.pop_front();
        }
        Some(ServerMsg::Ack { seq })
    }

    pub(crate) fn sees(&self, slot: u32) -> bool {
        self.roster.iter().any(|seen| seen.slot == slot)
    }
}
