/* The scopes that a thread enters through the package. */
#include "stub/stub.h"

/* --- Enable and Disable -------------------------------------------------------------------------
 */

static RPC_STATUS
enable(const void *caller)
{
  const sa_scope_options options = {
    .name = "RpcSsEnableAllocate",
    .flags = SA_SCOPE_UNWIND | SA_SCOPE_ENABLED,
  };
  sa_scope *scope = sa_scope_create_for(&options, caller);
  if (scope && sa_scope_enter(scope) == 0)
    return RPC_S_OK;
  sa_scope_destroy(scope);
  return RPC_S_OUT_OF_MEMORY;
}

RPC_STATUS RPC_ENTRY
RpcSmEnableAllocate(void)
{
  return enable(__builtin_return_address(0));
}

void RPC_ENTRY
RpcSsEnableAllocate(void)
{
  sa_raise(enable(__builtin_return_address(0)), "RpcSsEnableAllocate", "no memory");
}

/* Whether the frame is that of an Enable. Its scope may be handed to others, and back. */
static bool
is_of_enable(const struct sa_frame *frame)
{
  const sa_scope *scope = frame->arena->scope;
  return scope && !frame->handed && (scope->flags & SA_SCOPE_ENABLED)
         && scope->home == sa_thread.id;
}

RPC_STATUS RPC_ENTRY
RpcSmDisableAllocate(void)
{
  const struct sa_frame *frame = sa_thread.top;
  while (frame && !is_of_enable(frame))
    frame = frame->below;
  if (frame)
    sa_scope_destroy(frame->arena->scope); /* leaves it */
  return RPC_S_OK;
}

void RPC_ENTRY
RpcSsDisableAllocate(void)
{
  RpcSmDisableAllocate();
}

/* --- handles ------------------------------------------------------------------------------------
 */

RPC_SS_THREAD_HANDLE RPC_ENTRY
RpcSsGetThreadHandle(void)
{
  return sa_scope_current();
}

RPC_SS_THREAD_HANDLE RPC_ENTRY
RpcSmGetThreadHandle(RPC_STATUS *pStatus)
{
  if (pStatus)
    *pStatus = RPC_S_OK;
  return sa_scope_current();
}

/* The frame of the Set before goes only when its scope is not wanted again: this thread may be the
 * last one that keeps it. */
RPC_STATUS RPC_ENTRY
RpcSmSetThreadHandle(RPC_SS_THREAD_HANDLE Id)
{
  if (Id == sa_scope_current())
    return RPC_S_OK;
  if (sa_thread.top->handed)
    sa_frame_pop();
  if (Id == sa_scope_current())
    return RPC_S_OK;
  if ((Id ? sa_scope_enter(Id) : sa_scope_hide()) != 0)
    return RPC_S_OUT_OF_MEMORY;
  sa_thread.top->handed = true;
  return RPC_S_OK;
}

void RPC_ENTRY
RpcSsSetThreadHandle(RPC_SS_THREAD_HANDLE Id)
{
  sa_raise(RpcSmSetThreadHandle(Id), "RpcSsSetThreadHandle", "no memory");
}
