//! [`Runtime`]: turns a host's calls into calls of a [`Zone`]'s handlers. The same on wasm and natively.

use crate::behaviour;
use crate::call::Call;
use crate::ctx::Ctx;
use crate::dialogue;
use crate::error::{Error, Result};
use crate::handle::{EntityId, Npc, Player, RequestId, Token};
use crate::host::{Host, Settings};
use crate::memory::{self, Memory, Pending, PlayerSlot};
use crate::parts;
use crate::types::{Description, EnterReason, Event, Frame, LogLevel, Setup, StartReason, Value};
use crate::zone::{Choice, Command, Heard, Interaction, Line, Message, Moved, Sensed, Verdict, Zone};

/// Longest line, Unicode scalar values.
const LINE_CHARS: usize = 500;

/// A saved zone.
///
/// ```
/// use wod_zone::{Result, Runtime, Setup, Snapshot, Zone};
/// /// Whether this version can read what was saved: tried before a swap.
/// fn can_take_over<Z: Zone>(setup: Setup, saved: &Snapshot) -> Result {
///     Runtime::<Z>::new().load(setup, saved)
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// [`Zone::SCHEMA`] of the version that saved it.
    pub schema: u32,
    /// Its bytes, at most 8 MiB.
    pub bytes: Vec<u8>,
}

/// One instance of a zone, as a host drives it. Authors never meet it: [`export!`](crate::export) and the testkit use it.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use wod_zone::{Ctx, Event, Frame, Line, Result, Runtime, Setup, Snapshot, Verdict, Zone};
/// # use wod_zone::Host;
/// # #[derive(Serialize, Deserialize)]
/// # struct Lobby;
/// # impl Zone for Lobby {
/// #     const NAME: &'static str = "lobby";
/// #     type Timer = ();
/// #     type Player = ();
/// #     fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self) }
/// # }
/// /// A zone's first tick, as a host has it.
/// fn first_tick(host: &mut dyn Host, setup: Setup, lines: Vec<Line>, events: Vec<Event>) -> Result<Snapshot> {
///     let mut lobby = Runtime::<Lobby>::new();
///     lobby.init(host, setup)?;
///     let frame = Frame { tick: 1, game_ms: 50, dilation: 1.0 };
///     let verdicts: Vec<Verdict> = lobby.filter(host, frame, lines);
///     lobby.tick(host, frame, events);
///     assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Pass) && lobby.zone().is_some());
///     lobby.save()
/// }
///
/// /// And what another instance of it does first.
/// fn take_over(setup: Setup, saved: &Snapshot) -> Result<Runtime<Lobby>> {
///     let mut lobby = Runtime::new();
///     lobby.load(setup, saved)?;
///     Ok(lobby)
/// }
///
/// assert_eq!(Runtime::<Lobby>::describe().name, "lobby");
/// assert!(Runtime::<Lobby>::new().save().is_err(), "it was never opened");
/// ```
pub struct Runtime<Z: Zone> {
    /// None until `init`, `load` or the first `tick`.
    zone: Option<Z>,
    memory: Memory<Z>,
    setup: Setup,
    settings: Settings,
}

impl<Z: Zone> Default for Runtime<Z> {
    fn default() -> Self {
        Self::new()
    }
}

impl<Z: Zone> Runtime<Z> {
    /// An instance without a state.
    pub fn new() -> Self {
        let nowhere = Setup {
            zone: String::new(),
            region: String::new(),
            south_west: Default::default(),
            north_east: Default::default(),
            tick_hz: 20,
            config: Vec::new(),
        };
        Self { zone: None, memory: Memory::default(), setup: nowhere, settings: Settings::new() }
    }

    /// What the zone says about itself.
    pub fn describe() -> Description {
        Description {
            name: Z::NAME.to_owned(),
            version: Z::VERSION.to_owned(),
            schema: Z::SCHEMA,
            verbs: Z::VERBS.iter().map(|verb| (*verb).to_owned()).collect(),
            config: Z::CONFIG
                .iter()
                .map(|setting| (setting.name.to_owned(), setting.about.to_owned(), setting.default.into()))
                .collect(),
        }
    }

    /// A new zone. An error is why the module can't run here.
    pub fn init(&mut self, host: &mut dyn Host, setup: Setup) -> Result {
        self.settle(setup)?;
        let frame = Frame { tick: 0, game_ms: 0, dilation: 1.0 };
        self.open(host, frame)?;
        self.save_players(host);
        Ok(())
    }

    /// Takes over what an instance of this or another version saved.
    pub fn load(&mut self, setup: Setup, saved: &Snapshot) -> Result {
        self.settle(setup)?;
        let (zone, memory) = memory::load::<Z>(saved.schema, &saved.bytes)?;
        (self.zone, self.memory) = (Some(zone), memory);
        Ok(())
    }

    /// The whole state. An instance without one can't be saved.
    pub fn save(&self) -> Result<Snapshot> {
        let zone = self.zone.as_ref().ok_or("nothing to save: the zone was never opened")?;
        Ok(Snapshot { schema: Z::SCHEMA, bytes: memory::save(zone, &self.memory)? })
    }

    /// Everything that happened since the last call. Each event is marked (`Host::progress`) before it is handled.
    pub fn tick(&mut self, host: &mut dyn Host, frame: Frame, events: Vec<Event>) {
        self.memory.call = Call::of(&events);
        for (index, event) in events.into_iter().enumerate() {
            host.progress(index as u32);
            let handler = event.handler();
            if let Err(error) = self.handle(host, frame, event) {
                report(host, handler, &error);
            }
        }
        self.save_players(host);
    }

    /// What players said in this tick, before anybody has heard it: a verdict each. Each line is marked as events are.
    pub fn filter(&mut self, host: &mut dyn Host, frame: Frame, lines: Vec<Line>) -> Vec<Verdict> {
        let mut verdicts = Vec::with_capacity(lines.len());
        for (index, line) in lines.into_iter().enumerate() {
            host.progress(index as u32);
            verdicts.push(self.judge(host, frame, &line));
        }
        self.save_players(host);
        verdicts
    }

    fn judge(&mut self, host: &mut dyn Host, frame: Frame, line: &Line) -> Verdict {
        let Some(mut zone) = self.zone.take() else { return Verdict::Pass };
        let verdict = zone.judge(&mut self.ctx(host, frame), line);
        self.zone = Some(zone);
        match verdict {
            Ok(Verdict::Change(text)) => Verdict::Change(text.chars().take(LINE_CHARS).collect()),
            Ok(verdict) => verdict,
            Err(Error::ToPlayer(text)) => Verdict::Veto(text),
            Err(error) => {
                report(host, "judge", &error);
                Verdict::Pass
            }
        }
    }

    /// The zone's state, for tests.
    pub fn zone(&self) -> Option<&Z> {
        self.zone.as_ref()
    }

    fn settle(&mut self, setup: Setup) -> Result {
        for script in Z::SCRIPTS {
            script.check()?;
        }
        self.settings = Z::CONFIG.iter().map(|setting| (setting.name.to_owned(), setting.default.into())).collect();
        self.settings.extend(setup.config.iter().cloned());
        self.setup = setup;
        Ok(())
    }

    fn ctx<'a>(&'a mut self, host: &'a mut dyn Host, frame: Frame) -> Ctx<'a, Z> {
        Ctx { host, memory: &mut self.memory, setup: &self.setup, settings: &self.settings, frame }
    }

    fn handle(&mut self, host: &mut dyn Host, frame: Frame, event: Event) -> Result {
        if let Event::Started { reason: StartReason::ResumedWithoutMemory, mine, .. } = &event {
            self.reopen(host, frame, mine)?;
        }
        if let Event::ConfigChanged(changed) = &event {
            self.settings.extend(changed.iter().cloned());
        }
        let Some(mut zone) = self.zone.take() else {
            return Err(Error::Other("the zone has no state to handle this".into()));
        };
        let ctx = &mut self.ctx(host, frame);
        let result = dispatch(&mut zone, ctx, event);
        // What behaviours that the handler gave have to say at once.
        deliver(&mut zone, ctx);
        dialogue::begin_talks(&mut zone, ctx);
        let told = parts::tell_interrupted(&mut zone, ctx);
        self.zone = Some(zone);
        result.and(told)
    }

    /// The state is lost: what the lost instance spawned goes, and the zone opens anew.
    fn reopen(&mut self, host: &mut dyn Host, frame: Frame, mine: &[EntityId]) -> Result {
        for entity in mine {
            host.despawn(*entity)?;
        }
        let call = std::mem::take(&mut self.memory.call);
        self.memory = Memory { call, ..Memory::default() };
        self.open(host, frame)
    }

    fn open(&mut self, host: &mut dyn Host, frame: Frame) -> Result {
        let ctx = &mut self.ctx(host, frame);
        ctx.book()?;
        let mut zone = Z::open(ctx)?;
        deliver(&mut zone, ctx);
        self.zone = Some(zone);
        Ok(())
    }

    /// Saves every player whose state this call changed.
    ///
    /// # Panics
    /// When the host refuses to keep one of them in a call that has moved goods: what others got of her would be there twice. A panic
    /// voids the whole call.
    fn save_players(&mut self, host: &mut dyn Host) {
        for (player, before) in std::mem::take(&mut self.memory.touched) {
            let Some(slot) = self.memory.players.get(&player) else {
                continue;
            };
            let saved = slot.encode::<Z>().and_then(|after| match after == before {
                true => Ok(()),
                false => Ok(host.save_player(player.id(), after)?),
            });
            if let Err(error) = saved {
                assert!(
                    !self.memory.call.goods_moved,
                    "goods have changed hands, and player {player} can't be saved: {error}"
                );
                report(host, "saving a player", &error);
            }
        }
    }
}

/// Calls the handler of one event, after the SDK's own share of it.
fn dispatch<Z: Zone>(zone: &mut Z, ctx: &mut Ctx<'_, Z>, event: Event) -> Result {
    match event {
        Event::Started { reason, players, .. } => {
            let players: Vec<_> = players.into_iter().map(|id| Player(id.0)).collect();
            if reason == StartReason::Rewound {
                parts::set_back(ctx);
            }
            if players.is_empty() {
                // Whoever is here all the same is told anew.
                ctx.memory.players.clear();
            }
            if reason == StartReason::Rewound {
                ctx.memory.core.dialogues.clear();
                ctx.memory.core.talks.clear();
            }
            for player in &players {
                ctx.acquaint(*player);
            }
            behaviour::wind_hours(ctx);
            zone.started(ctx, reason, &players)
        }
        Event::Entered { player, name, saved, reason } => {
            let player = Player(player.0);
            ctx.admit(player, name, &saved, reason);
            behaviour::wind_hours(ctx);
            parts::entered(ctx, player, reason);
            zone.entered(ctx, player, reason)
        }
        Event::Left { player, reason } => {
            let player = Player(player.0);
            parts::left(ctx, player);
            let told = parts::tell_interrupted(zone, ctx);
            let result = zone.left(ctx, player, reason);
            ctx.dismiss(player);
            behaviour::wind_hours(ctx);
            told.and(result)
        }
        Event::SensorEntered { sensor, subject } => sensed(zone, ctx, Sensed { sensor, subject, inside: true }),
        Event::SensorLeft { sensor, subject } => sensed(zone, ctx, Sensed { sensor, subject, inside: false }),
        Event::Heard { listener, speaker, mode, text } => {
            behaviour::heard(ctx, Npc(listener.0), speaker, mode);
            deliver(zone, ctx);
            zone.heard(ctx, &Heard { listener, speaker, mode, text })
        }
        Event::Interacted { player, seq, target, verb, args } => {
            let command = Command { player: Player(player.0), seq };
            let interaction = Interaction { command, target, verb, args };
            let result = if ctx.as_player(command.player).is_some() {
                zone.interacted(ctx, &interaction)
            } else {
                zone.interacted_from_beyond(ctx, &interaction)
            };
            answered(ctx, command, result)
        }
        Event::Chose { player, seq, dialogue, choice: option } => {
            let command = Command { player: Player(player.0), seq };
            let dialogue = dialogue.into();
            let result = if ctx.memory.core.talks.contains_key(&dialogue) {
                dialogue::answered(zone, ctx, command, dialogue, option.as_deref())
            } else {
                ctx.answer(command, dialogue, option.as_deref())
                    .and_then(|at| zone.chose(ctx, &Choice { command, dialogue, at, option }))
            };
            answered(ctx, command, result)
        }
        Event::Moved { npc, order, end, at } => {
            let moved = Moved { npc: Npc(npc.0), order: order.into(), end, at };
            match behaviour::moved(ctx, moved) {
                true => Ok(()),
                false => zone.moved(ctx, moved),
            }
        }
        Event::Observed { entity, by_anyone } => {
            behaviour::observed(ctx, Npc(entity.0), by_anyone);
            deliver(zone, ctx);
            zone.observed(ctx, entity, by_anyone)
        }
        Event::Timer(token) => due(zone, ctx, token),
        Event::Message { id, sender, topic, body } => zone.message(ctx, &Message { id, sender, topic, body }),
        Event::Receipt { order, delivered } => zone.receipt(ctx, order.into(), delivered),
        Event::Admin { request, operator, text } => {
            let answer = zone.admin(ctx, &operator, &text).unwrap_or_else(|error| error.to_string());
            ctx.reply(RequestId::from(request), answer)
        }
        Event::ConfigChanged(changed) => {
            let names: Vec<String> = changed.into_iter().map(|(name, _): (String, Value)| name).collect();
            zone.config(ctx, &names)
        }
        Event::Other { name, json } => zone.other(ctx, &name, &json),
    }
}

fn sensed<Z: Zone>(zone: &mut Z, ctx: &mut Ctx<'_, Z>, sensed: Sensed) -> Result {
    behaviour::sensed(ctx, Npc(sensed.sensor.0), sensed.subject, sensed.inside);
    deliver(zone, ctx);
    zone.sensor(ctx, sensed)
}

fn due<Z: Zone>(zone: &mut Z, ctx: &mut Ctx<'_, Z>, token: Token) -> Result {
    match ctx.memory.core.timers.get(&token).cloned() {
        Some(Pending::Zone { value, every }) => {
            if !every {
                ctx.memory.core.timers.remove(&token);
            }
            zone.timer(ctx, memory::decode(&value)?)
        }
        Some(Pending::Mind(npc, alarm)) => {
            ctx.memory.core.timers.remove(&token);
            behaviour::due(ctx, npc, alarm);
            Ok(())
        }
        Some(Pending::Hours) => {
            ctx.memory.core.timers.remove(&token);
            behaviour::wind_hours(ctx);
            Ok(())
        }
        Some(Pending::Part(watch)) => {
            ctx.memory.core.timers.remove(&token);
            parts::due(zone, ctx, watch)
        }
        // Cancelled in the tick in which it was due.
        None => Ok(()),
    }
}

/// Tells the zone what behaviours have reported, and what those report that it gives in answer, until there is nothing more to tell.
fn deliver<Z: Zone>(zone: &mut Z, ctx: &mut Ctx<'_, Z>) {
    /// Answers to answers in one event: a handler that answers a report with what is reported again at once would never end.
    const ROUNDS: usize = 16;
    for _ in 0..ROUNDS {
        if ctx.memory.reports.is_empty() {
            return;
        }
        for (npc, what) in std::mem::take(&mut ctx.memory.reports) {
            if let Err(error) = zone.behaved(ctx, npc, what) {
                report(ctx.host, "behaved", &error);
            }
        }
    }
    for (npc, what) in std::mem::take(&mut ctx.memory.reports) {
        crate::warn!(ctx, npc = npc, "`behaved` and a behaviour answer each other without end; not told: {what:?}");
    }
}

/// A player's command whose handler failed is refused; only what is not meant for her is logged too.
fn answered<Z: Zone>(ctx: &mut Ctx<'_, Z>, command: Command, result: Result) -> Result {
    match result {
        Ok(()) => Ok(()),
        Err(Error::ToPlayer(text)) => ctx.refuse(command, "refused", &text),
        Err(error) => {
            ctx.refuse(command, "refused", "That did not work.")?;
            Err(error)
        }
    }
}

impl<Z: Zone> Ctx<'_, Z> {
    /// A player comes, with what was saved for her. Bytes that can't be read are left alone until something changes.
    fn admit(&mut self, player: Player, name: String, saved: &[u8], reason: EnterReason) {
        if reason == EnterReason::Resumed && self.memory.players.contains_key(&player) {
            return;
        }
        let slot = match saved {
            [] => PlayerSlot::unknown(name),
            bytes => PlayerSlot::decode::<Z>(name.clone(), bytes).unwrap_or_else(|error| {
                crate::warn!(self, player = player, "what was saved for {name} can't be read: {error}");
                PlayerSlot::unknown(name)
            }),
        };
        self.memory.players.insert(player, slot);
    }

    /// A player stands here of whom the instance may not know.
    fn acquaint(&mut self, player: Player) {
        if !self.memory.players.contains_key(&player) {
            let name = self.entity(player).map(|view| view.name).unwrap_or_default();
            self.memory.players.insert(player, PlayerSlot::unknown(name));
        }
    }

    /// A player is gone, and her talks with her.
    fn dismiss(&mut self, player: Player) {
        self.memory.players.remove(&player);
        self.memory.touched.remove(&player);
        self.memory.call.has_left(player);
        self.memory.core.dialogues.retain(|_, open| open.player != player);
        self.memory.core.talks.retain(|_, open| open.player != player);
    }
}

fn report(host: &mut dyn Host, handler: &str, error: &Error) {
    host.log(LogLevel::Error, format!("{handler}: {error}"), vec![("handler".to_owned(), handler.to_owned())]);
}
