#!/usr/bin/env bash
# Make every picture of this folder anew, from scripted keys, in a world in memory.
set -euo pipefail
cd "$(dirname "$0")/.."
aos_tui=${AOS_TUI:-.venv/bin/aos-tui}

shot() { # NAME SIZE KEYS [WORLD [SCENARIO]]
  "$aos_tui" "${4:-04}" ${5:+--scenario "$5"} --memory --headless --size "$2" --keys "$3" --screenshot "screenshots/$1-$2.svg"
}

for size in 120x40 80x24; do
  shot main "$size" "t,r,comma,f,R,v"
  shot waiting "$size" "t,r"
  shot travel "$size" "t,R,less_than_sign,comma,comma"
  shot event "$size" "e"
  shot help "$size" "question_mark"
done

# one for the README of each rung
shot 00-counter 120x40 "T,v" 00
shot 01-hello-timer 120x40 "t,t" 01
shot 02-blob-echo 120x40 "T,v" 02
shot 03-fetch-notify 120x40 "T,v" 03
shot 05-chain-comp 120x40 "t,t,t,t,t,tab,down,space,tab,left_square_bracket,left_square_bracket,left_square_bracket" 05 two-at-once
shot 06-safe-upgrade 120x40 "T,v" 06
shot 06-safe-upgrade-v2 120x40 "t,t" examples/06-safe-upgrade/air.v2 primary-down
shot 07-llm-summarizer 120x40 "t,t" 07
shot 08-retry-backoff 120x40 "T,v" 08
shot 09-cells 120x40 "t,t,t,t,t" 09
