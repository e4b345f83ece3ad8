/*
 * stuballoc under the names that Microsoft's Concurrency Runtime (ConcRT) gives its caching
 * suballocator, so that a program written for <concrt.h> finds the same two functions here; and
 * scopes for C++: guards, and with C++17 a memory resource for the containers of std::pmr.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STUBALLOC_CONCURRENCY_HPP
#define STUBALLOC_CONCURRENCY_HPP

#include <cstddef>
#include <new>

#include <stuballoc.h>

#if __cplusplus >= 201703L || (defined(_MSVC_LANG) && _MSVC_LANG >= 201703L)
#if __has_include(<memory_resource>)
#include <cstdint>
#include <memory_resource>
#define STUBALLOC_HAS_PMR 1
#endif
#endif

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

namespace stuballoc {

/*
 * Puts the calling thread into a scope that is there already, such as another thread's, and leaves
 * it at the guard's end, with whatever was entered since. The guard must end in the thread in which
 * it began.
 */
class scope_entry {
public:
  /* Throws std::bad_alloc when the scope cannot be entered. */
  explicit scope_entry(sa_scope *scope) : scope_(scope)
  {
    if (sa_scope_enter(scope) != 0)
      throw std::bad_alloc();
  }

  ~scope_entry()
  {
    sa_scope_leave(scope_);
  }

  scope_entry(const scope_entry &) = delete;
  scope_entry &operator=(const scope_entry &) = delete;

  sa_scope *
  get() const noexcept
  {
    return scope_;
  }

private:
  sa_scope *scope_;
};

/* The one that destroys its scope; apart from scope_guard, so that what was created is destroyed
 * when it cannot be entered. */
class scope_handle {
public:
  /* Throws std::bad_alloc when there is no memory. */
  explicit scope_handle(const sa_scope_options &options) : scope_(sa_scope_create(&options))
  {
    if (scope_ == nullptr)
      throw std::bad_alloc();
  }

  ~scope_handle()
  {
    sa_scope_destroy(scope_);
  }

  scope_handle(const scope_handle &) = delete;
  scope_handle &operator=(const scope_handle &) = delete;

  sa_scope *
  get() const noexcept
  {
    return scope_;
  }

private:
  sa_scope *scope_;
};

/*
 * Creates a scope and puts the calling thread into it; leaves and destroys it at the guard's end,
 * with all that is in it, whether the block is left by return or by an exception. The guard must
 * end in the thread in which it began.
 */
class scope_guard {
public:
  /* Throws std::bad_alloc when there is no memory. */
  explicit scope_guard(const sa_scope_options &options = sa_scope_options())
      : scope_(options), entry_(scope_.get())
  {
  }

  /* The scope, for scope_entry in another thread, or for a scope_resource. */
  sa_scope *
  get() const noexcept
  {
    return scope_.get();
  }

private:
  scope_handle scope_;
  scope_entry  entry_; /* ends first */
};

#ifdef STUBALLOC_HAS_PMR

/*
 * A memory resource over a scope. It does not own the scope, which must outlive it; destroying the
 * scope frees what containers have not given back. Any thread may use it, inside the scope or not.
 */
class scope_resource final : public std::pmr::memory_resource {
public:
  explicit scope_resource(sa_scope *scope) noexcept : scope_(scope)
  {
  }

  sa_scope *
  scope() const noexcept
  {
    return scope_;
  }

private:
  /* What every block of a scope is aligned to. */
  static constexpr std::size_t aligned_ = 16;

  /* A larger alignment is made inside a larger block, whose address stands in front of what is
   * returned. */
  void *
  do_allocate(std::size_t bytes, std::size_t alignment) override
  {
    if (alignment <= aligned_)
      return take(bytes);
    if (bytes > SIZE_MAX - alignment)
      throw std::bad_alloc();
    char *const          block = static_cast<char *>(take(bytes + alignment));
    const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(block);
    char *const          at = block + (alignment - address % alignment);
    reinterpret_cast<void **>(at)[-1] = block;
    return at;
  }

  void
  do_deallocate(void *at, std::size_t bytes, std::size_t alignment) override
  {
    if (alignment <= aligned_)
      sa_free_sized(at, bytes);
    else
      sa_free_sized(static_cast<void **>(at)[-1], bytes + alignment);
  }

  bool
  do_is_equal(const std::pmr::memory_resource &other) const noexcept override
  {
#ifdef __cpp_rtti
    const auto *const same = dynamic_cast<const scope_resource *>(&other);
    return same != nullptr && same->scope_ == scope_;
#else
    return this == &other;
#endif
  }

  void *
  take(std::size_t bytes)
  {
    void *const block = sa_scope_alloc(scope_, bytes);
    if (block == nullptr)
      throw std::bad_alloc();
    return block;
  }

  sa_scope *scope_;
};

#endif /* STUBALLOC_HAS_PMR */

} // namespace stuballoc

#endif /* STUBALLOC_CONCURRENCY_HPP */
