#!/bin/bash
# git: this project's history and a made-up one, cloned, shown, packed by several threads, checked.
. "$top_srcdir/tests/preload/common.sh" || exit
needs git

# Whatever repository this may run for, it is not meant here
unset $(git rev-parse --local-env-vars)

# A stream for git fast-import: a tarball comes without a history of its own
made_up_history() {
  awk 'BEGIN {
    for (commit = 1; commit <= 600; commit++) {
      printf "commit refs/heads/made-up\ncommitter A <a@example.org> %d +0000\n", 1700000000 + commit
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

if [ -e "$top_srcdir/.git" ]; then
  git clone --quiet --bare "$top_srcdir" origin || exit
else
  git init --quiet --bare origin
fi
made_up_history | git -C origin fast-import --quiet
git -C origin rev-parse --quiet --verify HEAD >&2 ||
  git -C origin symbolic-ref HEAD refs/heads/made-up

takes_effect git clone --quiet --no-local ../origin repository
same 'clone' git clone --quiet --no-local ../origin repository
same 'log -p' git -C repository log -p --stat --all
same 'gc' git -C repository -c pack.threads=4 gc --quiet --aggressive --prune=now
same 'fsck' git -C repository fsck --full --no-progress
same 'every object' git -C repository cat-file --batch-all-objects --batch-check
finish
