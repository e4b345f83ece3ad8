# SPDX-License-Identifier: MIT

# SA_APPEND_COMPILE_FLAGS(VARIABLE, FLAGS)
# Appends to VARIABLE those of FLAGS that the compiler of the current language knows.
AC_DEFUN([SA_APPEND_COMPILE_FLAGS], [
  for sa_flag in $2; do
    AC_MSG_CHECKING([whether _AC_LANG compiler accepts $sa_flag])
    sa_saved_[]_AC_LANG_PREFIX[]FLAGS=$[]_AC_LANG_PREFIX[]FLAGS
    # clang only warns of a flag that it does not know
    _AC_LANG_PREFIX[]FLAGS="$[]_AC_LANG_PREFIX[]FLAGS -Werror $sa_flag"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
      [AC_MSG_RESULT([yes])
       AS_VAR_APPEND([$1], [" $sa_flag"])],
      [AC_MSG_RESULT([no])])
    _AC_LANG_PREFIX[]FLAGS=$sa_saved_[]_AC_LANG_PREFIX[]FLAGS
  done
])

# SA_IF_LINKS(FLAGS, IF-YES, IF-NO)
# Whether a program links with FLAGS.
AC_DEFUN([SA_IF_LINKS], [
  AC_MSG_CHECKING([whether programs link with $1])
  sa_saved_LDFLAGS=$LDFLAGS
  LDFLAGS="$LDFLAGS $1"
  AC_LINK_IFELSE([AC_LANG_PROGRAM()], [sa_links=yes], [sa_links=no])
  LDFLAGS=$sa_saved_LDFLAGS
  AC_MSG_RESULT([$sa_links])
  AS_IF([test "$sa_links" = yes], [$2], [$3])
])

# SA_OPTIONAL_MODULE(PREFIX, MODULE, [INSTEAD])
# Looks for a pkg-config module that is never required: sets PREFIX_CFLAGS, PREFIX_LIBS, the
# automake conditional HAVE_PREFIX, and have_MODULE to what the summary should say. For Windows it
# does INSTEAD: pkg-config would find the building machine's.
AC_DEFUN([SA_OPTIONAL_MODULE], [
  AS_TR_SH([have_$2])=no
  AS_IF([test $windows = yes], [$3],
    [PKG_CHECK_MODULES([$1], [$2], [AS_TR_SH([have_$2])=yes], [:])])
  AM_CONDITIONAL([HAVE_$1], [test "$AS_TR_SH([have_$2])" = yes])
])

# SA_REPORT(LABEL, VALUE)
# One line of the summary.
AC_DEFUN([SA_REPORT], [printf '  %-22s %s\n' "$1" "$2"])
