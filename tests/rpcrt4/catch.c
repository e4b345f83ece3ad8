/* SPDX-License-Identifier: MIT */
#include "catch.h"

/* Wine forgets the code of an exception once its filter has run. */
static int
keep(DWORD code, RPC_STATUS *status)
{
  *status = (RPC_STATUS)code;
  return EXCEPTION_EXECUTE_HANDLER;
}

RPC_STATUS
raised_by(void (*code)(void *), void *argument)
{
  RPC_STATUS status = RPC_S_OK;
  RpcTryExcept
  {
    code(argument);
  }
  RpcExcept(keep(RpcExceptionCode(), &status))
  {
    return status;
  }
  RpcEndExcept return RPC_S_OK;
}
