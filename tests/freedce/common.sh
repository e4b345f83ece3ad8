# The catalog over FreeDCE; to be sourced.
. "$top_srcdir/tests/catalog.sh"

# FreeDCE's mutexes read their owner unlocked, which is not ours to report.
echo 'race:libdcerpc' >"$stage/tsan"
export TSAN_OPTIONS="$TSAN_OPTIONS suppressions=$stage/tsan"
