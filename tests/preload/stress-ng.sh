#!/bin/bash
# stress-ng: its malloc stressor, in two workers of three threads each.
. "$top_srcdir/tests/preload/common.sh" || exit
needs stress-ng

# What it says differs from run to run, and a worker that died may still count as success: so this
# keeps what is bad news, without process numbers, and whatever stress-ng did not say itself.
cat >stress <<'SH'
stress-ng --verbose --malloc 2 --malloc-pthreads 2 --malloc-zerofree --verify --oomable "$@" >log 2>&1
status=$?
sed -n 's/ \[[0-9]*\]//; /^stress-ng: /!p; /died/p; /fail/p; /WARN/p' log
exit $status
SH

takes_effect stress-ng --quiet --malloc 1 --malloc-ops 1000
if [ "$HARDENED" = yes ]; then
  skip 'many small blocks' 'stress-ng writes eight bytes to blocks that it asks fewer for, by calloc'
else
  same 'many small blocks' sh ../stress --malloc-bytes 64k --malloc-max 2048 --timeout 3s
fi
same 'a few large blocks' sh ../stress --malloc-bytes 8m --malloc-max 32 --timeout 2s
finish
