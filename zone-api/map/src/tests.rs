#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use wod_protocol::client::TagValue;
use wod_protocol::map::{POSTS, THINGS};

use super::*;

/// A Tiled map of 20 × 10 m with these objects, read from a real file as `wod zone build` does.
fn read_objects(objects: &str) -> Result<Map, ReadError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("test.tmx");
    write_map(&path, objects);
    read(&path)
}

fn write_map(path: &Path, objects: &str) {
    let text = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<map version="1.10" orientation="orthogonal" renderorder="right-down" width="20" height="10" tilewidth="32" tileheight="32" infinite="0">
 <objectgroup id="1" name="all">{objects}</objectgroup>
</map>"#
    );
    std::fs::write(path, text).unwrap();
}

const SPAWN: &str = r#"<object id="1" type="spawn" x="64" y="64"><point/></object>"#;

#[test]
fn y_is_flipped_and_32_pixels_are_a_metre() {
    let map = read_objects(SPAWN).unwrap();
    assert_eq!(map.size, [20.0, 10.0]);
    assert_eq!(map.spawns, [[2.0, 8.0]]);
}

#[test]
fn every_class_of_the_conventions_is_read() {
    let map = read_objects(&format!(
        r#"{SPAWN}
        <object id="2" type="wall" x="320" y="0" width="32" height="320"/>
        <object id="3" type="wall" x="0" y="320"><polyline points="0,0 32,-32"/></object>
        <object id="4" name="gate" class="barrier" x="320" y="0"><polyline points="0,0 0,32"/></object>
        <object id="5" name="stop" type="place" x="32" y="32"><properties><property name="radius" type="float" value="1.2"/><property name="wait" type="int" value="3"/></properties><point/></object>
        <object id="6" name="train" type="portal" x="96" y="96"><properties><property name="radius" type="float" value="2"/></properties><point/></object>
        <object id="7" type="decor" x="0" y="0" width="64" height="64"><properties><property name="kind" value="road"/></properties></object>"#
    ))
    .unwrap();
    assert_eq!(map.walls.len(), 2);
    assert!(map.walls[0].closed && !map.walls[1].closed);
    assert_eq!(map.walls[1].points, [[0.0, 0.0], [1.0, 1.0]]);
    assert!(map.barriers[0].closed, "a barrier is closed unless it says otherwise");
    assert_eq!(map.places[0].radius, 1.2);
    assert_eq!(map.places[0].properties["wait"], TagValue::Int(3));
    assert_eq!(map.portals[0].name, "train");
    assert_eq!(map.decor[0].kind, "road");
}

#[test]
fn every_fault_is_told_at_once_and_names_its_object() {
    let error = read_objects(
        r#"<object id="1" type="spawn" x="900" y="64"><point/></object>
        <object id="2" name="odd" type="wal" x="0" y="0" width="32" height="32"/>
        <object id="3" x="0" y="0" width="32" height="32"/>
        <object id="4" type="wall" x="0" y="0" width="32" height="32" rotation="45"/>
        <object id="5" type="portal" x="0" y="0"><point/></object>"#,
    )
    .unwrap_err()
    .to_string();
    for expected in [
        "5 fault(s)",
        "test.tmx:3: object 1 in layer `all`: (28.125, 8) m lies off the map",
        "test.tmx:4: object 2 `odd` in layer `all`: class `wal` is not known",
        "test.tmx:5: object 3 in layer `all`: has no class",
        "test.tmx:6: object 4 in layer `all`: is rotated by 45°",
        "test.tmx:7: object 5 in layer `all`: a portal needs a name",
    ] {
        assert!(error.contains(expected), "{expected:?} is missing in: {error}");
    }
}

#[test]
fn a_spawn_point_inside_a_wall_is_a_fault() {
    let error = read_objects(&format!(r#"{SPAWN}<object id="2" type="wall" x="32" y="32" width="64" height="64"/>"#))
        .unwrap_err();
    assert!(error.to_string().contains("object 1 in layer `all`: (2, 8) m lies inside a wall"), "{error}");
}

#[test]
fn a_map_without_a_spawn_point_is_refused() {
    assert!(read_objects("").unwrap_err().to_string().contains("no spawn point"));
}

#[test]
fn the_same_file_gives_the_same_bytes() {
    let objects = format!(
        r#"{SPAWN}<object id="5" name="stop" type="place" x="32" y="32"><properties><property name="b" value="x"/><property name="a" value="y"/></properties><point/></object>"#
    );
    assert_eq!(read_objects(&objects).unwrap().to_json(), read_objects(&objects).unwrap().to_json());
}

/// A point object with text properties.
fn point(id: u32, class: &str, name: &str, properties: &[(&str, &str)]) -> String {
    let properties: String =
        properties.iter().map(|(name, value)| format!(r#"<property name="{name}" value="{value}"/>"#)).collect();
    format!(
        r#"
<object id="{id}" name="{name}" type="{class}" x="96" y="64"><properties>{properties}</properties><point/></object>"#
    )
}

#[test]
fn posts_and_things_are_places_that_are_the_modules_alone() {
    let objects = [
        point(2, "post", "door", &[("npc", "Marek"), ("patrol", "round"), ("mood", "grim")]),
        point(3, "thing", "Chest", &[("door", "lid"), ("verbs", "open:Open it:2")]),
        point(4, "thing", "Chest", &[]),
        point(5, "place", "round", &[]),
        r#"<object id="6" name="lid" type="barrier" x="320" y="0"><polyline points="0,0 0,32"/></object>"#.to_owned(),
    ];
    let drawn = {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("test.tmx");
        write_map(&path, &format!("{SPAWN}{}", objects.concat()));
        read_drawn(&path).unwrap()
    };
    let names: Vec<&str> = drawn.map.places.iter().map(|place| place.name.as_str()).collect();
    assert_eq!(names, [POSTS, THINGS, THINGS, "round"]);
    let text = |text: &str| TagValue::Text(text.to_owned());
    assert_eq!(drawn.map.places[0].properties["npc"], text("Marek"));
    assert_eq!(drawn.map.places[0].properties["mood"], text("grim"));
    assert_eq!(drawn.map.places[1].properties["thing"], text("Chest"));
    assert_eq!(drawn.map.for_clients().unwrap().places.len(), 1);
    let lines: Vec<_> = drawn.spots.iter().map(|spot| (spot.kind, spot.name.as_str(), spot.line)).collect();
    assert_eq!(
        lines,
        [
            (SpotKind::Spawn, "", 3),
            (SpotKind::Post, "door", 4),
            (SpotKind::Thing, "Chest", 5),
            (SpotKind::Thing, "Chest", 6),
            (SpotKind::Place, "round", 7)
        ]
    );
}

#[test]
fn what_leads_nowhere_and_what_is_there_twice_is_told_with_its_line() {
    let objects = [
        point(2, "post", "door", &[("patrol", "nowhere")]),
        point(3, "post", "door", &[]),
        point(4, "thing", "Chest", &[("door", "lid")]),
        point(5, "place", "@post", &[]),
        point(6, "thing", "Bell", &[("verbs", "ring")]),
    ];
    let error = read_objects(&format!("{SPAWN}{}", objects.concat())).unwrap_err().to_string();
    for expected in [
        "5 fault(s)",
        "test.tmx:4: object 2 `door` in layer `all`: property `patrol`: there is no place `nowhere`: draw it",
        "test.tmx:5: object 3 `door` in layer `all`: another post has this name already (line 4)",
        "test.tmx:6: object 4 `Chest` in layer `all`: property `door`: there is no barrier `lid`: draw it",
        "test.tmx:7: object 5 `@post` in layer `all`: a place's name does not begin with `@`",
        "test.tmx:8: object 6 `Bell` in layer `all`: property `verbs`: `ring`: has no three parts",
    ] {
        assert!(error.contains(expected), "{expected:?} is missing in: {error}");
    }
}

#[test]
fn a_map_that_is_no_xml_and_one_that_is_not_there_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("test.tmx");
    assert!(matches!(read(&path), Err(ReadError::Open { .. })));
    std::fs::write(&path, "<map>\n<oops>\n</map>").unwrap();
    let error = read(&path).unwrap_err().to_string();
    assert!(error.contains("test.tmx:3: this is no XML"), "{error}");
    std::fs::write(&path, "<tileset/>").unwrap();
    assert!(matches!(read(&path), Err(ReadError::Load { .. })));
}
