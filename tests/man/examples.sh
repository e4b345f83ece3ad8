#!/bin/bash
# The examples in the manual pages compile without a warning and print what the pages say.
. "$top_srcdir/tests/man/common.sh"

compile() {
  local page=$1 compiler=$2 language=$3
  example "$page" 1 >"$stage/example.$language"
  link_example "$compiler" "$stage/example.$language" "$stage/example"
}

prints_what_it_says() {
  example "$1" 2 >"$stage/expected"
  "$stage/example" >"$stage/output" && diff "$stage/expected" "$stage/output"
}

works() {
  rm -f "$stage/example"
  compile "$@" && prints_what_it_says "$1"
}

says_where_its_scope_was_created() {
  STUBALLOC=report=leaks "$stage/example" 2>&1 | grep "^stuballoc: scope 'forgotten', created at "
}

for page in "$man"/*.3; do
  name=${page##*/}
  case $(example "$page" 1) in
    *catalog.h*) ;; # is freedce/man.sh's
    *.hpp*)
      if echo '#include <memory_resource>' | $CXX $CXX17_FLAG -x c++ -fsyntax-only -; then
        check "$name" works "$page" "$CXX $CXX17_FLAG" cpp
      else
        skip "$name" 'needs C++17'
      fi
      ;;
    *) check "$name" works "$page" "$CC" c ;;
  esac
done
check 'stuballoc.7' works "$man/stuballoc.7" "$CC" c
check 'stuballoc.7: the forgotten scope is named' says_where_its_scope_was_created
finish
