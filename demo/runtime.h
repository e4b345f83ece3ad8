/*
 * What the catalog's server and client ask of an RPC runtime, so that the rest of them is the same
 * for every one.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RUNTIME_H
#define RUNTIME_H

#include <stuballoc/rpc.h>

#include <catalog.h>

enum outcome { DONE, NO_MEMORY, FAILED };

/*
 * Serves an interface until SIGTERM or SIGINT, or on Windows Ctrl-C or the end of its input, and says
 * on stdout where it listens, as in "listening on 49152". A NULL endpoint lets the system choose.
 * FAILED, said on stderr, when it cannot.
 */
enum outcome runtime_serve(sa_if_handle ifspec, const char *protocol, const char *endpoint);

/* A binding to a server on this machine. NULL, said on stderr, when there can be none. */
handle_t runtime_bind(const char *protocol, const char *endpoint);
void     runtime_unbind(handle_t binding);

/* Runs code that calls a server. NO_MEMORY: the server had none; FAILED is said on stderr. */
enum outcome runtime_try(void (*code)(void *), void *argument);

#endif
