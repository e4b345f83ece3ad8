#!/bin/bash
# The probes that a tracer finds in the library, and those that the example script asks for.
. "$top_srcdir/tests/tap.sh"

if ! command -v readelf >/dev/null || [ ! -f "$SA_LIBRARY" ]; then
  skip 'the library has its probes' 'needs a shared library and readelf'
  finish
  exit
fi

probes=$(readelf --notes --wide "$SA_LIBRARY" | sed -n '/Provider: stuballoc/{n;s/.*Name: //p}' | sort -u)
script=$top_srcdir/tools/scopes.bt

is_a_probe() {
  grep -qx "$1" <<<"$probes"
}

# The fast paths of the engine, and of blocks of scopes, have none
none_in() {
  local address start end
  read -r start end < <(nm -S --defined-only "$SA_LIBRARY" \
    | awk -v name="$1" '$4 == name || $4 == name "@@STUBALLOC_0.1" { print $1, $2; exit }')
  [ -n "$start" ] || return 1
  for address in $(readelf --notes --wide "$SA_LIBRARY" | sed -n 's/.*Location: 0x\([0-9a-f]*\).*/\1/p'); do
    if ((16#$address >= 16#$start && 16#$address < 16#$start + 16#$end)); then return 1; fi
  done
}

for probe in scope_create scope_destroy over_budget slab_adopt slab_claim give_back; do
  check "there is a probe $probe" is_a_probe $probe
done
for probe in $(sed -n 's/^usdt:.*:stuballoc:\([a-z_]*\).*/\1/p' "$script"); do
  check "the script's $probe is one" is_a_probe "$probe"
done
for function in sa_malloc sa_free sa_scope_alloc; do
  check "there is none in $function" none_in $function
done
finish
