//! What the map draws for the module comes out of Tiled's file as it was drawn, through the real simulation.

#![allow(clippy::unwrap_used, reason = "in tests a failed expectation is a failed test")]

use serde::{Deserialize, Serialize};
use wod_protocol::map::{POSTS, THINGS};
use wod_testkit::World;
use wod_zone::{Ctx, EnterReason, Interaction, Npc, Object, Player, Point, Result, Spawn, Tag, Zone};

/// A hall whose map says who stands in it.
#[derive(Serialize, Deserialize)]
struct Hall {
    npcs: Vec<Npc>,
    things: Vec<Object>,
    said: String,
}

impl Zone for Hall {
    const NAME: &'static str = "hall";
    const VERBS: &'static [&'static str] = &["knock", "ring"];
    type Timer = ();
    type Player = ();

    fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
        let (posts, things) = (ctx.posts(), ctx.things());
        let said = format!("{posts:?} {:?} {:?}", ctx.post("door")?.patrol, ctx.thing("Bell")?.door);
        let npcs = posts.iter().map(|post| ctx.spawn_npc(Spawn::at_post(post))).collect::<Result<_>>()?;
        let things = things.iter().map(|thing| ctx.spawn_object(Spawn::of_thing(thing))).collect::<Result<_>>()?;
        assert!(ctx.post("nobody").is_err() && ctx.place("door").is_err());
        Ok(Self { npcs, things, said })
    }

    fn entered(&mut self, _ctx: &mut Ctx<Self>, _player: Player, _how: EnterReason) -> Result {
        Ok(())
    }

    fn interacted(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
        ctx.say(self.npcs[0], format!("You {} {}.", interaction.verb, self.things.len()))
    }

    fn admin(&mut self, ctx: &mut Ctx<Self>, _operator: &str, question: &str) -> Result<String> {
        if question == "dress" {
            let other = Spawn::new("Marlow", Point::new(9.0, 9.0)).tag(Tag::near("look", "white coat"));
            ctx.dress(self.npcs[0], other.verb("ring", "Ring", 2.0))?;
        }
        Ok(self.said.clone())
    }
}

const MAP: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<map version="1.10" orientation="orthogonal" width="20" height="10" tilewidth="32" tileheight="32" infinite="0">
 <objectgroup id="1" name="all">
  <object id="1" type="spawn" x="64" y="64"><point/></object>
  <object id="2" name="door" type="post" x="128" y="64"><properties>
   <property name="npc" value="Marek"/><property name="look" value="dark suit"/><property name="title" value="Doorkeeper"/>
   <property name="heading" type="float" value="90"/><property name="verbs" value="knock:Knock: twice:3"/>
   <property name="patrol" value="round"/><property name="patience" type="int" value="7"/></properties><point/></object>
  <object id="3" name="Bell" type="thing" x="160" y="64"><properties>
   <property name="verbs" value="ring:Ring:5"/><property name="door" value="gate"/></properties><point/></object>
  <object id="4" name="Bell" type="thing" x="192" y="64"><point/></object>
  <object id="5" name="gate" type="barrier" x="320" y="0"><polyline points="0,0 0,64"/></object>
  <object id="6" name="round" type="place" x="224" y="64"><point/></object>
 </objectgroup>
</map>"#;

#[test]
fn posts_and_things_stand_where_the_map_has_them_as_it_describes_them() {
    let file = std::env::temp_dir().join(format!("wod-drawn-{}.tmx", std::process::id()));
    std::fs::write(&file, MAP).unwrap();
    let mut world = World::of::<Hall>().map(&file).start();
    std::fs::remove_file(&file).unwrap();
    let ann = world.player("Ann").waits(0.5);
    assert!(ann.sees("Marek") && ann.sees("Bell"));
    let ann = ann.does("knock", "Marek").does("ring", "Bell");
    assert!(ann.has_heard("You knock 2.") && ann.has_heard("You ring 2."));
    assert!(ann.refusals().is_empty(), "{:?}", ann.refusals());
    let at = world.npc("Marek").at;
    assert_eq!((at.x, at.y), (4.0, 8.0));
    let said = world.ask("what").unwrap();
    for part in ["label: \"Knock: twice\", reach: 3.0", "(\"patience\", Int(7))", "Some(\"round\") Some(\"gate\")"] {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
    // Kept over a crash, as all that a module has made.
    world.crash();
    assert!(world.player("Ann").sees("Marek"));
    // Whoever stands there can be made another, who stands there still.
    assert_eq!((world.npc("Marek").tag("look"), world.npc("Marek").tag("title")), ("dark suit", "Doorkeeper"));
    world.ask("dress").unwrap();
    world.run(0.2);
    let marlow = world.npc("Marlow");
    assert_eq!((marlow.tag("look"), marlow.tag("title"), marlow.at.x), ("white coat", "", 4.0));
    let ann = world.player("Ann").does("ring", "Marlow");
    assert!(ann.has_heard("You ring 2.") && !ann.sees("Marek"));
}

#[test]
fn the_sdk_and_the_reader_of_maps_agree_on_the_names() {
    // The SDK has no other crate of ours, so it has the names again.
    let sdk = include_str!("../../guest/src/drawn.rs");
    for (name, value) in [("POSTS", POSTS), ("THINGS", THINGS)] {
        assert!(sdk.contains(&format!("const {name}: &str = \"{value}\";")), "{name}");
    }
}
