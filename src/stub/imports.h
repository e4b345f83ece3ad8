/*
 * Windows' headers declare the package as a DLL's, so a program calls its functions through pointers
 * named __imp_. Of a static library they have to be defined, too; else the linker takes those of the
 * import library for rpcrt4, and with them rpcrt4's functions. Our DLLs have them in their own.
 */
#ifndef SA_IMPORTS_H
#define SA_IMPORTS_H

#include <rpc.h>
#include <rpcndr.h>

#ifdef DLL_EXPORT
#define SA_IMPORT(function)
#else
#define SA_IMPORT(function)                                                                        \
  extern __typeof__(function) *const __imp_##function;                                             \
  __typeof__(function) *const        __imp_##function = function;
#endif

#endif
