#!/bin/bash
# A program with the libraries in it takes none of the package from rpcrt4, which has all of it, too.
. "$top_srcdir/tests/tap.sh"

program=$top_builddir/tests/rpcrt4/test_raise_static.exe
package='(RpcS[sm]|NdrRpcS[sm])[A-Za-z]*'

# imports DLL: the names that the program imports from it
imports() {
  "$OBJDUMP" -p "$program" | awk -v dll="$1" '
    /DLL Name:/ { of_dll = tolower($3) == dll }
    of_dll && NF == 3 && $2 ~ /^[0-9]+$/ { print $3 }'
}

has_none_of_the_package() {
  ! imports rpcrt4.dll | grep -E "^$package\$" | grep -vx RpcSsGetContextBinding
}

imports_runtime() {
  imports rpcrt4.dll | grep -x RpcRaiseException
}

check 'the program imports from rpcrt4' imports_runtime
check 'but nothing of the memory package' has_none_of_the_package
finish
