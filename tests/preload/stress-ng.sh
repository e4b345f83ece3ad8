#!/bin/sh
# SPDX-License-Identifier: MIT
# stress-ng: its malloc stressor checks what it allocates; its exit status says what it found.
. "$(dirname "$0")/common.sh"
needs stress-ng

# Two workers of three threads each; a worker that dies is not to be replaced in silence
stress() {
  set -- stress-ng --quiet --malloc 2 --malloc-pthreads 2 --malloc-zerofree --verify --oomable "$@"
  same "stressor with $*" "$@"
}

takes_effect stress-ng --quiet --malloc 1 --malloc-ops 1000
stress --malloc-bytes 64k --malloc-max 2048 --timeout 3s
stress --malloc-bytes 8m --malloc-max 32 --timeout 2s
finish
