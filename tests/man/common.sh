# The manual pages and what is in them; to be sourced.
. "$top_srcdir/tests/tap.sh"

man=$top_srcdir/doc/man
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

# The names in its NAME section
names_of() {
  sed -n '/^\.Sh NAME/,/^\.Nd/ s/^\.Nm \([^ ]*\).*/\1/p' "$1"
}

# example PAGE NUMBER: a literal block among its examples: the first is a program, the second what
# that prints.
example() {
  awk -v wanted="$2" '
    /^\.Sh/ { examples = $2 == "EXAMPLES" }
    /^\.Ed/ { inside = 0 }
    inside && number == wanted
    examples && /^\.Bd -literal/ { number++; inside = 1 }
  ' "$1" | sed 's/\\e/\\/g; s/\\&//g'
}

# link_example COMPILER SOURCE PROGRAM LIBRARY...: without a warning
link_example() {
  local compiler=$1 source=$2 program=$3
  shift 3
  "$top_builddir/libtool" --quiet --tag=CC --mode=link $compiler -Wall -Wextra -Werror -pthread \
    $SANITIZER_FLAGS -I"$top_srcdir/include" "$source" "$@" \
    "$top_builddir/src/libstuballoc.la" -o "$program"
}
