(module
  (memory (export "memory") 1)
  ;; Where `describe` returns: name, version, schema, verbs, config.
  (data (i32.const 16) "\40\00\00\00\04\00\00\00\44\00\00\00\01\00\00\00\01\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00")
  (data (i32.const 64) "tiny1")
  ;; EXTRA
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
  (func (export "wod:zone/logic@1.0.0#describe") (result i32) i32.const 16)
  (func (export "wod:zone/logic@1.0.0#init")
    (param i32 i32 i32 i32 f32 f32 f32 f32 i32 i32 i32) (result i32) i32.const 128)
  (func (export "wod:zone/logic@1.0.0#tick") (param i64 i64 f32 i32 i32))
  (func (export "wod:zone/logic@1.0.0#save") (result i32) i32.const 128)
  (func (export "wod:zone/logic@1.0.0#load")
    (param i32 i32 i32 i32 f32 f32 f32 f32 i32 i32 i32 i32 i32 i32) (result i32) i32.const 128)
)
