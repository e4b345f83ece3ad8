/*
 * Windows' rpcrt4, as the catalog uses it.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "runtime.h"

static enum outcome
judge(RPC_STATUS status, const char *what)
{
  if (status == RPC_S_OK)
    return DONE;
  fprintf(stderr, "%s: status %ld\n", what, (long)status);
  return FAILED;
}

/* --- server ------------------------------------------------------------------------------------ */

static BOOL WINAPI
stop_on_signal(DWORD signal)
{
  (void)signal;
  return RpcMgmtStopServerListening(NULL) == RPC_S_OK;
}

/* Another process cannot send Windows' signals, so it closes our input instead. */
static DWORD WINAPI
stop_on_end_of_input(void *unused)
{
  (void)unused;
  while (getchar() != EOF)
    ;
  RpcMgmtStopServerListening(NULL);
  return 0;
}

/* Watches for both. */
static enum outcome
watch(void)
{
  HANDLE watcher = CreateThread(NULL, 0, stop_on_end_of_input, NULL, 0, NULL);
  if (!watcher || !SetConsoleCtrlHandler(stop_on_signal, TRUE))
    return FAILED;
  CloseHandle(watcher);
  return DONE;
}

static enum outcome
use_protocol(const char *protocol, const char *endpoint)
{
  const unsigned calls = RPC_C_PROTSEQ_MAX_REQS_DEFAULT;
  RPC_CSTR       sequence = (RPC_CSTR)protocol;
  RPC_STATUS status = endpoint ? RpcServerUseProtseqEpA(sequence, calls, (RPC_CSTR)endpoint, NULL)
                               : RpcServerUseProtseqA(sequence, calls, NULL);
  return judge(status, protocol);
}

static enum outcome
say_endpoint(void)
{
  RPC_BINDING_VECTOR *bindings;
  RPC_CSTR            string, endpoint;
  if (judge(RpcServerInqBindings(&bindings), "RpcServerInqBindings") != DONE)
    return FAILED;
  RpcBindingToStringBindingA(bindings->BindingH[0], &string);
  RpcStringBindingParseA(string, NULL, NULL, NULL, &endpoint, NULL);
  printf("listening on %s\n", (const char *)endpoint);
  fflush(stdout);
  RpcStringFreeA(&endpoint);
  RpcStringFreeA(&string);
  RpcBindingVectorFree(&bindings);
  return DONE;
}

enum outcome
runtime_serve(sa_if_handle ifspec, const char *protocol, const char *endpoint)
{
  if (judge(RpcServerRegisterIf(ifspec, NULL, NULL), "RpcServerRegisterIf") != DONE
      || use_protocol(protocol, endpoint) != DONE
      || judge(RpcServerListen(1, RPC_C_LISTEN_MAX_CALLS_DEFAULT, TRUE), "RpcServerListen") != DONE
      || watch() != DONE || say_endpoint() != DONE
      || judge(RpcMgmtWaitServerListen(), "RpcMgmtWaitServerListen") != DONE)
    return FAILED;
  return judge(RpcServerUnregisterIf(ifspec, NULL, TRUE), "RpcServerUnregisterIf");
}

/* --- client ------------------------------------------------------------------------------------ */

handle_t
runtime_bind(const char *protocol, const char *endpoint)
{
  RPC_CSTR string, host = NULL;
  handle_t binding = NULL;
  if (strcmp(protocol, "ncalrpc") != 0)
    host = (RPC_CSTR) "127.0.0.1";
  if (judge(
        RpcStringBindingComposeA(NULL, (RPC_CSTR)protocol, host, (RPC_CSTR)endpoint, NULL, &string),
        "RpcStringBindingCompose")
      != DONE)
    return NULL;
  (void)judge(RpcBindingFromStringBindingA(string, &binding), (const char *)string);
  RpcStringFreeA(&string);
  return binding;
}

void
runtime_unbind(handle_t binding)
{
  RpcBindingFree(&binding);
}

/* Which exceptions are the runtime's; others, such as an access violation, are nobody's to take. */
static int
is_status(DWORD code, RPC_STATUS *status)
{
  *status = (RPC_STATUS)code;
  return code < 0x80000000u;
}

enum outcome
runtime_try(void (*code)(void *), void *argument)
{
  RPC_STATUS status = RPC_S_OK;
  RpcTryExcept
  {
    code(argument);
  }
  RpcExcept(is_status(RpcExceptionCode(), &status))
  {
    return status == RPC_S_SERVER_OUT_OF_MEMORY ? NO_MEMORY : judge(status, "exception");
  }
  RpcEndExcept return DONE;
}
