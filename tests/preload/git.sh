#!/bin/bash
# git: this project's history cloned, shown, packed by several threads, and checked.
. "$top_srcdir/tests/preload/common.sh"
needs git

# history: a stream for git fast-import, where there is none to clone: in an unpacked tarball
history() {
  awk 'BEGIN {
    for (commit = 1; commit <= 600; commit++) {
      printf "commit refs/heads/main\ncommitter A <a@example.org> %d +0000\n", 1700000000 + commit
      printf "data <<END\ncommit %d\nEND\n", commit
      printf "M 644 inline folder/file%d\ndata <<END\n", commit % 20
      for (line = 1; line <= 200; line++) {
        seed = (seed * 16807 + 11) % 2147483647
        print "line", line, (seed % 10 ? "as before" : seed)
      }
      print "END"
    }
  }'
}

git clone --quiet --bare "$top_srcdir" origin >/dev/null 2>&1 &&
  git -C origin rev-parse --quiet --verify HEAD >/dev/null || {
  rm -rf origin
  git init --quiet --bare origin
  history | git -C origin fast-import --quiet
  git -C origin symbolic-ref HEAD refs/heads/main
}

takes_effect git clone --quiet --no-local ../origin repository
same 'clone' git clone --quiet --no-local ../origin repository
same 'log -p' git -C repository log -p --stat --all
same 'gc' git -C repository -c pack.threads=4 gc --quiet --aggressive --prune=now
same 'fsck' git -C repository fsck --full --no-progress
same 'every object' git -C repository cat-file --batch-all-objects --batch-check
finish
