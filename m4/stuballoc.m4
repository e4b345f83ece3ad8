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

# SA_FIND_DCERPC
# Looks for FreeDCE, which is never required: where --with-dcerpc says, else where its compiler is on
# PATH, else in the usual places. Sets have_dcerpc, DCERPC_PREFIX, DCEIDL, DCERPC_CPPFLAGS and
# DCERPC_LIBS, and the automake conditional HAVE_DCERPC.
AC_DEFUN([SA_FIND_DCERPC], [
  AC_ARG_WITH([dcerpc],
    [AS_HELP_STRING([--with-dcerpc@<:@=PREFIX@:>@],
      [build the library for FreeDCE's stubs (default: if FreeDCE is found)])],
    [], [with_dcerpc=maybe])
  AC_MSG_CHECKING([for FreeDCE])
  sa_prefixes="/usr /usr/local /opt/dce"
  sa_dceidl=`command -v dceidl`
  AS_CASE([$sa_dceidl], [*/bin/dceidl], [sa_prefixes="${sa_dceidl%/bin/dceidl} $sa_prefixes"])
  AS_CASE([$with_dcerpc], [no], [sa_prefixes=], [maybe|yes], [], [sa_prefixes=$with_dcerpc])
  have_dcerpc=no
  for sa_prefix in $sa_prefixes; do
    AS_IF([test -x "$sa_prefix/bin/dceidl" && test -e "$sa_prefix/include/dce/stubbase.h"],
      [SA_TRY_DCERPC([$sa_prefix], [have_dcerpc=yes])])
    AS_IF([test $have_dcerpc = yes], [break])
  done
  AC_MSG_RESULT([${DCERPC_PREFIX:-no}])
  AS_IF([test $have_dcerpc = no && test "$with_dcerpc" != no && test "$with_dcerpc" != maybe],
    [AC_MSG_ERROR([FreeDCE (dceidl, its headers and libdcerpc) is not in: $sa_prefixes])])
  AC_SUBST([DCERPC_PREFIX])
  AC_SUBST([DCEIDL])
  AC_SUBST([DCERPC_CPPFLAGS])
  AC_SUBST([DCERPC_LIBS])
  AM_CONDITIONAL([HAVE_DCERPC], [test $have_dcerpc = yes])
])

# SA_TRY_DCERPC(PREFIX, IF-YES)
# Whether programs compile and link with the FreeDCE in PREFIX. Its headers are none for our warnings.
AC_DEFUN([SA_TRY_DCERPC], [
  sa_saved_CPPFLAGS=$CPPFLAGS sa_saved_LIBS=$LIBS
  DCERPC_PREFIX=$1 DCEIDL=$1/bin/dceidl
  DCERPC_CPPFLAGS="-D_GNU_SOURCE -D_REENTRANT" DCERPC_LIBS=-ldcerpc
  AS_IF([test "$1" != /usr],
    [AS_VAR_APPEND([DCERPC_CPPFLAGS], [" -isystem $1/include"])
     DCERPC_LIBS="-L$1/lib -Wl,-rpath,$1/lib -ldcerpc"])
  CPPFLAGS="$CPPFLAGS $DCERPC_CPPFLAGS" LIBS="$DCERPC_LIBS $LIBS"
  AC_LINK_IFELSE([AC_LANG_PROGRAM([[
      #include <dce/rpc.h>
      #include <dce/stubbase.h>
    ]], [[rpc_ss_init_client_once();]])],
    [$2],
    [DCERPC_PREFIX= DCEIDL= DCERPC_CPPFLAGS= DCERPC_LIBS=])
  CPPFLAGS=$sa_saved_CPPFLAGS LIBS=$sa_saved_LIBS
])

# SA_FIND_WIDL
# Looks for what makes stubs for rpcrt4: widl, and a compiler for the __try in them, which need not be
# the one for the rest. Sets have_widl, WIDL and STUB_CC, and the automake conditional HAVE_WIDL.
AC_DEFUN([SA_FIND_WIDL], [
  have_widl=no STUB_CC=$CC
  AS_IF([test $windows = yes], [
    AC_CHECK_TOOL([WIDL], [widl])
    AC_MSG_CHECKING([for a compiler with __try])
    sa_saved_CC=$CC sa_has_try=no
    for sa_cc in "$CC" "clang --target=$host_alias -fms-extensions"; do
      CC=$sa_cc
      AC_COMPILE_IFELSE([AC_LANG_SOURCE([[
          int f(void);
          int g(void) { __try { return f(); } __except (1) { return 0; } }
        ]])],
        [STUB_CC=$sa_cc sa_has_try=yes
         break])
    done
    CC=$sa_saved_CC
    AC_MSG_RESULT([`test $sa_has_try = yes && echo "$STUB_CC" || echo no`])
    AS_IF([test -n "$WIDL" && test $sa_has_try = yes], [have_widl=yes])
  ])
  AC_SUBST([STUB_CC])
  AM_CONDITIONAL([HAVE_WIDL], [test $have_widl = yes])
])

# SA_REPORT(LABEL, VALUE)
# One line of the summary.
AC_DEFUN([SA_REPORT], [printf '  %-22s %s\n' "$1" "$2"])
