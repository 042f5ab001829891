//! Where in the file everything is: Tiled's own reader does not tell.

use std::collections::BTreeMap;

use roxmltree::{Document, Node, ParsingOptions};

use crate::MapFault;

/// Lines of the file, from 1.
#[derive(Debug)]
pub(crate) struct Source {
    map: u32,
    /// By their ids.
    objects: BTreeMap<u32, u32>,
    layers: BTreeMap<u32, u32>,
}

impl Source {
    /// Looks for what has an id.
    pub(crate) fn read(text: &str) -> Result<Self, MapFault> {
        // Maps of older Tileds name a DTD.
        let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
        let document = Document::parse_with_options(text, options)
            .map_err(|error| MapFault { line: error.pos().row, text: format!("this is no XML: {error}") })?;
        let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
        let line = |node: Node<'_, '_>| ends.partition_point(|end| *end < node.range().start) as u32 + 1;
        let mut source = Self { map: line(document.root_element()), objects: BTreeMap::new(), layers: BTreeMap::new() };
        for node in document.descendants() {
            // Tiles have objects with ids of their own.
            if node.ancestors().any(|around| around.has_tag_name("tileset")) {
                continue;
            }
            let Some(id) = node.attribute("id").and_then(|id| id.parse().ok()) else { continue };
            match node.tag_name().name() {
                "object" => source.objects.insert(id, line(node)),
                "objectgroup" | "layer" | "imagelayer" | "group" => source.layers.insert(id, line(node)),
                _ => None,
            };
        }
        Ok(source)
    }

    /// Of the map itself.
    pub(crate) fn map_line(&self) -> u32 {
        self.map
    }

    /// Of an object.
    pub(crate) fn object_line(&self, id: u32) -> u32 {
        self.objects.get(&id).copied().unwrap_or(self.map)
    }

    /// Of a layer.
    pub(crate) fn layer_line(&self, id: u32) -> u32 {
        self.layers.get(&id).copied().unwrap_or(self.map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_tiles_objects_are_not_those_of_the_map() {
        let text = r#"<?xml version="1.0"?>
<map>
 <tileset>
  <tile id="0"><objectgroup id="9"><object id="1"/></objectgroup></tile>
 </tileset>
 <objectgroup
   id="2" name="all">
  <object id="1"/>
 </objectgroup>
</map>"#;
        let source = Source::read(text).expect("XML");
        assert_eq!((source.map_line(), source.object_line(1), source.layer_line(2)), (2, 8, 6));
        // What is not there is the map's.
        assert_eq!((source.object_line(7), source.layer_line(9)), (2, 2));
    }

    #[test]
    fn a_file_that_is_no_xml_tells_the_line() {
        assert_eq!(Source::read("<map>\n <object\n</map>").expect_err("no XML").line, 3);
    }
}
