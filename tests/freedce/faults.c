/* sa_scoped_interface, a call to what it returns, and sa_attach_client, while the system fails: see
 * ../failing.h. SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <dce/rpc.h>

#include <dce/rpcexc.h>
#include <dce/stubbase.h>

#include <stuballoc/midl.h>
#include <stuballoc/rpc.h>

#include "failing.h"
#include "stub/runtime.h"

/* Instead of the runtime's: there is no second fragment here. */
void
rpc_call_receive(rpc_call_handle_t handle, rpc_iovector_elt_t *fragment, unsigned32 *status)
{
  (void)handle;
  fragment->data_addr = NULL;
  fragment->buff_dealloc = NULL;
  *status = rpc_s_ok;
}

static void
must(bool holds, const char *what)
{
  if (holds)
    return;
  fprintf(stderr, "faults: with %s: not so: %s\n", getenv("FAULT"), what);
  exit(1);
}

/* Instead of the runtime's, too: the fault that the client gets. */
void
rpc_ss_send_server_exception(rpc_call_handle_t handle, dcethread_exc *exception)
{
  (void)handle;
  must(exception == &rpc_x_no_memory && failing_failed > 0, "a fault is that there is no memory");
}

static void
stub(handle_t binding, rpc_call_handle_t call, rpc_iovector_elt_p_t input, ndr_format_p_t format,
     rpc_transfer_syntax_p_t syntax, rpc_mgr_epv_t manager, unsigned32 *status)
{
  (void)binding, (void)call, (void)input, (void)format, (void)syntax, (void)manager;
  void *block = midl_user_allocate(100);
  must(block || failing_failed > 0, "a stub has memory");
  must(sa_scope_current() || failing_failed > 0, "a call has a scope");
  midl_user_free(block);
  *status = rpc_s_ok;
}

static void
use_all(void)
{
  static rpc_v2_server_stub_proc_t stubs[] = {stub};
  static rpc_if_rep_t              server = {.opcnt = 1, .server_epv = stubs};
  const rpc_if_rep_t              *scoped = sa_scoped_interface(&server, NULL);
  must(scoped || (errno == ENOMEM && failing_failed > 0), "an interface can be scoped");
  if (scoped) {
    unsigned32         status;
    rpc_iovector_elt_t input = {0};
    scoped->server_epv[0](NULL, NULL, &input, NULL, NULL, NULL, &status);
  }
  sa_attach_client();
  void *result = sa_client_allocate(100);
  must(result || failing_failed > 0, "a client's stub has memory");
  RpcSmClientFree(result);
  must(!sa_scope_current(), "no scope is left");
}

static int
run(void)
{
  use_all();
  bool failed = failing_failed > 0;
  failing_end();
  failing_failed = 0;
  use_all();
  return failed ? FAILING_FAILED : FAILING_NOTHING_FAILED;
}

/* Of a kind of call that is made at all. */
static bool
test_call(unsigned *number, const char *program, const char *call, const char *and_later)
{
  long made = failing_each(program, call, and_later);
  if (made != 0)
    printf("%sok %u - any one %s of %ld may fail%s\n", made < 0 ? "not " : "", ++*number, call,
           made, *and_later ? ", and all that follow" : "");
  fflush(stdout);
  return made >= 0;
}

int
main(int argc, char **argv)
{
  unsigned number = 0;
  bool     passed = true;
  (void)argc;
  if (getenv("FAULT"))
    return run();
  for (const char *const *call = failing_calls; *call; call++) {
    passed = test_call(&number, argv[0], *call, "") && passed;
    passed = test_call(&number, argv[0], *call, "+") && passed;
  }
  printf("1..%u\n", number);
  return !passed;
}
