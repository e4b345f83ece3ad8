/*
 * stuballoc under the names that Microsoft's Concurrency Runtime (ConcRT) gives its caching
 * suballocator, so that a program written for <concrt.h> finds the same two functions here.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STUBALLOC_CONCURRENCY_HPP
#define STUBALLOC_CONCURRENCY_HPP

#include <cstddef>
#include <new>

#include <stuballoc.h>

namespace concurrency {

/*
 * Returns a block of at least `size` bytes from the calling thread's cache, as sa_malloc does.
 * Throws std::bad_alloc when there is no memory; never returns a null pointer.
 */
[[nodiscard]] inline void *
Alloc(std::size_t size)
{
  void *const block = sa_malloc(size);
  if (block == nullptr)
    throw std::bad_alloc();
  return block;
}

/* Gives back a block of Alloc, which any thread may do. A null pointer is ignored. */
inline void
Free(void *block) noexcept
{
  sa_free(block);
}

} // namespace concurrency

/* ConcRT's first version spelt its namespace with a capital, and programs still do. */
namespace Concurrency = concurrency;

#endif /* STUBALLOC_CONCURRENCY_HPP */
