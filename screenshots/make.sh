#!/usr/bin/env bash
# Make every picture of this folder anew, from scripted keys, in a world in memory.
set -euo pipefail
cd "$(dirname "$0")/.."
aos_tui=${AOS_TUI:-.venv/bin/aos-tui}

shot() { # WORLD NAME SIZE KEYS
  "$aos_tui" "$1" --memory --headless --size "$3" --keys "$4" --screenshot "screenshots/$2-$3.svg"
}

for size in 120x40 80x24; do
  shot 04 main "$size" "t,r,comma,f,R,v"
  shot 04 waiting "$size" "t,r"
  shot 04 travel "$size" "t,R,less_than_sign,comma,comma"
  shot 04 event "$size" "e"
  shot 04 help "$size" "question_mark"
done

# one of each rung, for its README
shot 00 00-counter 120x40 "T,v"
shot 01 01-hello-timer 120x40 "t,t"
shot 02 02-blob-echo 120x40 "T,v"
shot 08 08-retry-backoff 120x40 "T,v"
shot 09 09-cells 120x40 "t,t,t,t,t"
