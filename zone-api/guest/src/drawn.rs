//! What map authors draw for the module: posts of NPCs, and things.
//!
//! The host knows them as places with names of their own that no author can give, and hands their properties over as they are;
//! `zone-api/map/src/figures.rs` has checked them when the map was packed. `zones/README.md` lists what can be written.

use crate::ctx::{Ctx, Spawn};
use crate::error::{Error, Result};
use crate::types::{Place, Point, Tag, Value, Verb};
use crate::zone::Zone;

/// Name of the places that are posts.
const POSTS: &str = "@post";
/// Name of the places that are things.
const THINGS: &str = "@thing";
const RADIANS_PER_DEGREE: f32 = std::f32::consts::PI / 180.0;

/// Where the map posts an NPC, and who it is.
///
/// ```
/// # use wod_zone::{Ctx, Npc, Result, Spawn, Zone};
/// fn take_your_posts<Z: Zone>(ctx: &mut Ctx<Z>) -> Result<Vec<Npc>> {
///     ctx.posts().iter().map(|post| ctx.spawn_npc(Spawn::at_post(post))).collect()
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Post {
    /// Its own name, unique in the map.
    pub name: String,
    /// The NPC's name, as players read it.
    pub npc: String,
    /// Where.
    pub at: Point,
    /// Where the NPC looks, radians counter-clockwise from east.
    pub heading: f32,
    /// How the NPC looks, for its tag `look`.
    pub look: Option<String>,
    /// What the NPC is called besides, for its tag `title`.
    pub title: Option<String>,
    /// What players can do with it.
    pub verbs: Vec<Verb>,
    /// The node that its dialogue begins at.
    pub dialogue: Option<String>,
    /// Name of the places that it patrols, in the map's order.
    pub patrol: Option<String>,
    /// All else that the map's author wrote beside it.
    pub properties: Vec<(String, Value)>,
}

/// Something that the map puts somewhere.
///
/// ```
/// # use wod_zone::{Ctx, Object, Result, Spawn, Zone};
/// /// Everything that the map's author has put into the room.
/// fn furnish<Z: Zone>(ctx: &mut Ctx<Z>) -> Result<Vec<Object>> {
///     ctx.things().iter().map(|thing| ctx.spawn_object(Spawn::of_thing(thing))).collect()
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Thing {
    /// Its name, as players read it; several things may share one.
    pub name: String,
    /// Where.
    pub at: Point,
    /// Where it looks, radians counter-clockwise from east.
    pub heading: f32,
    /// How it looks, for its tag `look`.
    pub look: Option<String>,
    /// What it is called besides, for its tag `title`.
    pub title: Option<String>,
    /// What players can do with it.
    pub verbs: Vec<Verb>,
    /// The barrier of the map that it opens and closes.
    pub door: Option<String>,
    /// All else that the map's author wrote beside it.
    pub properties: Vec<(String, Value)>,
}

impl<Z: Zone> Ctx<'_, Z> {
    /// The map's posts, in the map's order.
    ///
    /// ```
    /// # use wod_zone::behaviour::Patrol;
    /// # use wod_zone::{Ctx, Result, Spawn, Zone};
    /// fn man_the_posts<Z: Zone>(ctx: &mut Ctx<Z>) -> Result {
    ///     for post in ctx.posts() {
    ///         let npc = ctx.spawn_npc(Spawn::at_post(&post))?;
    ///         if let Some(beat) = &post.patrol {
    ///             ctx.behave(npc, Patrol::along(beat))?;
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn posts(&self) -> Vec<Post> {
        self.host.places(POSTS).into_iter().map(Post::of).collect()
    }

    /// The map's post of this name. An error when it has none: the map and the module don't fit.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Result, Spawn, Zone};
    /// fn doorkeeper<Z: Zone>(ctx: &mut Ctx<Z>) -> Result<Npc> {
    ///     let post = ctx.post("door")?;
    ///     ctx.spawn_npc(Spawn::at_post(&post))
    /// }
    /// ```
    pub fn post(&self, name: &str) -> Result<Post> {
        let found = self.posts().into_iter().find(|post| post.name == name);
        found.ok_or_else(|| Error::Other(format!("the map has no post `{name}`")))
    }

    /// The map's things, in the map's order.
    ///
    /// ```
    /// # use wod_zone::objects::Door;
    /// # use wod_zone::{Ctx, Result, Zone};
    /// /// Whatever the map calls a door becomes one.
    /// fn hang_doors<Z: Zone>(ctx: &mut Ctx<Z>) -> Result {
    ///     for thing in ctx.things() {
    ///         if let Some(barrier) = &thing.door {
    ///             ctx.add_door(Door::new(barrier, thing.at).shown_as(&thing.name))?;
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn things(&self) -> Vec<Thing> {
        self.host.places(THINGS).into_iter().map(Thing::of).collect()
    }

    /// The map's first thing of this name. An error when it has none: the map and the module don't fit.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Object, Result, Spawn, Zone};
    /// fn safe<Z: Zone>(ctx: &mut Ctx<Z>) -> Result<Object> {
    ///     let safe = ctx.thing("Safe")?;
    ///     ctx.spawn_object(Spawn::of_thing(&safe))
    /// }
    /// ```
    pub fn thing(&self, name: &str) -> Result<Thing> {
        let found = self.things().into_iter().find(|thing| thing.name == name);
        found.ok_or_else(|| Error::Other(format!("the map has no thing `{name}`")))
    }
}

impl Spawn {
    /// The NPC of a post, where the map has it: with its name, its look and title as tags, and its verbs.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Result, Spawn, Tag, Zone};
    /// /// As the map has him, and found by queries for guards besides.
    /// fn guard<Z: Zone>(ctx: &mut Ctx<Z>) -> Result<Npc> {
    ///     let post = ctx.post("vault")?;
    ///     ctx.spawn_npc(Spawn::at_post(&post).tag(Tag::server("guard", true)))
    /// }
    /// ```
    pub fn at_post(post: &Post) -> Self {
        Self::new(&post.npc, post.at).heading(post.heading).drawn(post.look.as_ref(), post.title.as_ref(), &post.verbs)
    }

    /// A thing, where the map has it: with its look and title as tags, and its verbs.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Object, Result, Spawn, Zone};
    /// fn jukebox<Z: Zone>(ctx: &mut Ctx<Z>) -> Result<Object> {
    ///     let jukebox = ctx.thing("Jukebox")?;
    ///     ctx.spawn_object(Spawn::of_thing(&jukebox).verb("play", "Put a coin in", 1.5))
    /// }
    /// ```
    pub fn of_thing(thing: &Thing) -> Self {
        Self::new(&thing.name, thing.at).heading(thing.heading).drawn(
            thing.look.as_ref(),
            thing.title.as_ref(),
            &thing.verbs,
        )
    }

    fn drawn(self, look: Option<&String>, title: Option<&String>, verbs: &[Verb]) -> Self {
        let tags = [("look", look), ("title", title)];
        let tags = tags.into_iter().filter_map(|(name, value)| Some(Tag::near(name, value?.as_str())));
        let tagged = tags.fold(self, Self::tag);
        verbs.iter().fold(tagged, |spawn, verb| spawn.verb(&verb.id, &verb.label, verb.reach))
    }
}

impl Post {
    fn of(place: Place) -> Self {
        let mut properties = Properties(place.properties);
        let name = properties.text("post").unwrap_or_default();
        Self {
            npc: properties.text("npc").unwrap_or_else(|| name.clone()),
            name,
            at: place.at,
            heading: properties.heading(),
            look: properties.text("look"),
            title: properties.text("title"),
            verbs: properties.verbs(),
            dialogue: properties.text("dialogue"),
            patrol: properties.text("patrol"),
            properties: properties.0,
        }
    }
}

impl Thing {
    fn of(place: Place) -> Self {
        let mut properties = Properties(place.properties);
        Self {
            name: properties.text("thing").unwrap_or_default(),
            at: place.at,
            heading: properties.heading(),
            look: properties.text("look"),
            title: properties.text("title"),
            verbs: properties.verbs(),
            door: properties.text("door"),
            properties: properties.0,
        }
    }
}

/// What has not been taken out yet.
struct Properties(Vec<(String, Value)>);

impl Properties {
    fn take(&mut self, name: &str) -> Option<Value> {
        let index = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(index).1)
    }

    fn text(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Written in degrees.
    fn heading(&mut self) -> f32 {
        let degrees = match self.take("heading") {
            Some(Value::Number(degrees)) => degrees as f32,
            Some(Value::Int(degrees)) => degrees as f32,
            _ => 0.0,
        };
        degrees * RADIANS_PER_DEGREE
    }

    /// Written as `id:label:reach; …`. The label may have colons of its own.
    fn verbs(&mut self) -> Vec<Verb> {
        let list = self.text("verbs").unwrap_or_default();
        let verb = |verb: &str| {
            let (id, rest) = verb.split_once(':')?;
            let (label, reach) = rest.rsplit_once(':')?;
            Some(Verb::new(id.trim(), label.trim(), reach.trim().parse().ok()?))
        };
        list.split(';').filter_map(verb).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_sdk_knows_is_taken_out_and_the_rest_is_the_modules() {
        let text = |text: &str| Value::from(text);
        let properties = [
            ("post", text("door")),
            ("npc", text("Marek")),
            ("look", text("dark suit")),
            ("heading", Value::Int(180)),
            ("verbs", text("knock:Knock: twice:2.5; greet: Greet :4")),
            ("patience", Value::Number(0.5)),
        ];
        let properties = properties.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let at = Point::new(3.0, 4.0);
        let post = Post::of(Place { name: POSTS.to_owned(), at, radius: 0.0, properties });
        assert_eq!((post.name.as_str(), post.npc.as_str(), post.at), ("door", "Marek", at));
        assert_eq!((post.look.as_deref(), post.title, post.patrol), (Some("dark suit"), None, None));
        assert_eq!(post.verbs, [Verb::new("knock", "Knock: twice", 2.5), Verb::new("greet", "Greet", 4.0)]);
        assert_eq!(post.properties, [("patience".to_owned(), Value::Number(0.5))]);
        assert!((post.heading - std::f32::consts::PI).abs() < 1e-6);
    }
}
