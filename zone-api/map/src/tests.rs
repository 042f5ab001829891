#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use super::*;

/// A Tiled map of 20 × 10 m with these objects, read from a real file as `wod zone build` does.
fn read_objects(objects: &str) -> Result<Map, ReadError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("test.tmx");
    let text = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<map version="1.10" orientation="orthogonal" renderorder="right-down" width="20" height="10" tilewidth="32" tileheight="32" infinite="0">
 <objectgroup id="1" name="all">{objects}</objectgroup>
</map>"#
    );
    std::fs::write(&path, text).unwrap();
    read(&path)
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
        "object 1 in layer `all`: (28.125, 8) m lies off the map",
        "object 2 `odd` in layer `all`: class `wal` is not known",
        "object 3 in layer `all`: has no class",
        "object 4 in layer `all`: is rotated by 45°",
        "object 5 in layer `all`: a portal needs a name",
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
