#!/bin/sh
# rustdoc, allowed to write JSON, which the stable one does only when it takes itself for a nightly one. Set for rustdoc alone:
# build scripts look at the variable too, and cargo would build everything anew each time it comes and goes.
RUSTC_BOOTSTRAP=1 exec rustdoc "$@"
