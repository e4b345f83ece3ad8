#!/bin/sh
# SPDX-License-Identifier: MIT
# stress-ng: its malloc stressor checks what it allocates; its exit status says what it found.
. "$(dirname "$0")/common.sh"
needs stress-ng

# stress NAME OPTION...: two workers of three threads each; one that dies is not to be replaced
stress() {
  name=$1
  shift
  same "$name" stress-ng --quiet --malloc 2 --malloc-pthreads 2 --malloc-zerofree --verify \
    --oomable "$@"
}

takes_effect stress-ng --quiet --malloc 1 --malloc-ops 1000
stress 'many small blocks' --malloc-bytes 64k --malloc-max 2048 --timeout 3s
stress 'a few large blocks' --malloc-bytes 8m --malloc-max 32 --timeout 2s
finish
