/*
 * FreeDCE, as the catalog uses it.
 *
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <sys/socket.h>

#include <dce/rpc.h>

#include <dce/dce_error.h>
#include <dce/dcethread.h>
#include <dce/rpcexc.h>

#include "runtime.h"

/* A fragment is 65,535 bytes long by default. So long a one splits a number of four bytes, which the
 * receiver takes for an error. The variable is FreeDCE's, which it declares in no public header. */
extern unsigned32 rpc_g_cn_large_frag_size;

static __attribute__((constructor)) void
set_fragment_size(void)
{
  rpc_g_cn_large_frag_size = 65528;
}

/* FreeDCE answers a client that has gone without asking for no SIGPIPE, which would end the server. */
static __attribute__((constructor)) void
ignore_broken_pipes(void)
{
  signal(SIGPIPE, SIG_IGN);
}

static enum outcome
judge(error_status_t status, const char *what)
{
  dce_error_string_t said;
  int                unknown;
  if (status == rpc_s_ok)
    return DONE;
  dce_error_inq_text(status, said, &unknown);
  fprintf(stderr, "%s: %s\n", what, (const char *)said);
  return FAILED;
}

/* --- server ------------------------------------------------------------------------------------ */

/* Ends the server when the signal comes, which no other thread takes. */
static void *
stop_on_signal(void *signals)
{
  int            signal;
  error_status_t status;
  sigwait(signals, &signal);
  rpc_mgmt_stop_server_listening(NULL, &status);
  return NULL;
}

/* The runtime's threads inherit the mask, so this comes before there are any. */
static enum outcome
watch_signals(void)
{
  static sigset_t signals;
  pthread_t       watcher;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, NULL);
  if (pthread_create(&watcher, NULL, stop_on_signal, &signals) != 0)
    return FAILED;
  pthread_detach(watcher);
  return DONE;
}

/* -1, said on stderr, when the port is taken. */
static int
bind_to_loopback(const char *port)
{
  const struct sockaddr_in address = {
    .sin_family = AF_INET,
    .sin_port = htons((in_port_t)(port ? atoi(port) : 0)),
    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
  };
  const int at_once = 1; /* a port that another server has just left */
  const int made = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &at_once, sizeof at_once);
  if (bind(made, (const struct sockaddr *)&address, sizeof address) == 0)
    return made;
  perror("bind");
  close(made);
  return -1;
}

/* By itself FreeDCE listens on all addresses of the machine. It keeps a duplicate of the socket. */
static enum outcome
use_loopback(const char *port)
{
  error_status_t    status;
  unsigned_char_p_t sequence = (unsigned_char_p_t) "ncacn_ip_tcp";
  int               bound = bind_to_loopback(port);
  if (bound < 0)
    return FAILED;
  rpc_server_use_protseq_socket(sequence, rpc_c_protseq_max_reqs_default, &bound, &status);
  close(bound);
  return judge(status, "rpc_server_use_protseq_socket");
}

static enum outcome
use_protocol(const char *protocol, const char *endpoint)
{
  error_status_t    status;
  unsigned_char_p_t sequence = (unsigned_char_p_t)protocol;
  if (strcmp(protocol, "ncacn_ip_tcp") == 0)
    return use_loopback(endpoint);
  if (endpoint)
    rpc_server_use_protseq_ep(sequence, rpc_c_protseq_max_reqs_default, (unsigned_char_p_t)endpoint,
                              &status);
  else
    rpc_server_use_protseq(sequence, rpc_c_protseq_max_reqs_default, &status);
  return judge(status, protocol);
}

static enum outcome
say_endpoint(void)
{
  error_status_t         status;
  rpc_binding_vector_p_t bindings;
  unsigned_char_p_t      string, endpoint;
  rpc_server_inq_bindings(&bindings, &status);
  if (judge(status, "rpc_server_inq_bindings") != DONE)
    return FAILED;
  rpc_binding_to_string_binding(bindings->binding_h[0], &string, &status);
  rpc_string_binding_parse(string, NULL, NULL, NULL, &endpoint, NULL, &status);
  printf("listening on %s\n", (const char *)endpoint);
  fflush(stdout);
  rpc_string_free(&endpoint, &status);
  rpc_string_free(&string, &status);
  rpc_binding_vector_free(&bindings, &status);
  return DONE;
}

static enum outcome
listen_until_stopped(void)
{
  error_status_t status;
  rpc_server_listen(rpc_c_listen_max_calls_default, &status);
  return judge(status, "rpc_server_listen");
}

/* The stubs recurse along a list, by some 500 bytes of stack a node. The budget of a call bounds how
 * long a list can be, and this is enough for as long a one: what is not used takes no memory. */
static enum outcome
set_stack_size(void)
{
  enum { STACK = 128 << 20 };
  error_status_t status;
  rpc_mgmt_set_server_stack_size(STACK, &status);
  return judge(status, "rpc_mgmt_set_server_stack_size");
}

enum outcome
runtime_serve(sa_if_handle ifspec, const char *protocol, const char *endpoint)
{
  error_status_t status;
  if (watch_signals() != DONE || set_stack_size() != DONE)
    return FAILED;
  rpc_server_register_if(ifspec, NULL, NULL, &status);
  if (judge(status, "rpc_server_register_if") != DONE || use_protocol(protocol, endpoint) != DONE
      || say_endpoint() != DONE || listen_until_stopped() != DONE)
    return FAILED;
  rpc_server_unregister_if(ifspec, NULL, &status);
  return judge(status, "rpc_server_unregister_if");
}

/* --- client ------------------------------------------------------------------------------------ */

handle_t
runtime_bind(const char *protocol, const char *endpoint)
{
  error_status_t    status;
  unsigned_char_p_t string, host = NULL;
  handle_t          binding = NULL;
  if (strcmp(protocol, "ncalrpc") != 0)
    host = (unsigned_char_p_t) "127.0.0.1";
  rpc_string_binding_compose(NULL, (unsigned_char_p_t)protocol, host, (unsigned_char_p_t)endpoint,
                             NULL, &string, &status);
  if (judge(status, "rpc_string_binding_compose") != DONE)
    return NULL;
  rpc_binding_from_string_binding(string, &binding, &status);
  (void)judge(status, (const char *)string);
  rpc_string_free(&string, &status);
  sa_attach_client();
  return binding;
}

void
runtime_unbind(handle_t binding)
{
  error_status_t status;
  rpc_binding_free(&binding, &status);
}

enum outcome
runtime_try(void (*code)(void *), void *argument)
{
  volatile enum outcome outcome = DONE;
  DCETHREAD_TRY
  {
    code(argument);
  }
  DCETHREAD_CATCH(rpc_x_ss_remote_no_memory)
  {
    outcome = NO_MEMORY;
  }
  DCETHREAD_CATCH_ALL(exception)
  {
    fprintf(stderr, "%s (status 0x%x)\n", dcethread_exc_getname(exception),
            (unsigned)dcethread_exc_getstatus(exception));
    outcome = FAILED;
  }
  DCETHREAD_ENDTRY
  return outcome;
}
