#include "allocation_counter.h"

#include <errno.h>
#include <stddef.h>

static _Thread_local uint64_t count __attribute__((tls_model("initial-exec")));

uint64_t allocation_count(void) { return count; }

// Of libswiftCore: the handlers of untyped and of typed throws. Without the second the first is called, with a box. Weak, as
// they are not part of its documented interface.
extern _Atomic(void *) _swift_willThrow __attribute__((weak));
extern _Atomic(void *) _swift_willThrowTypedImpl __attribute__((weak));
static void *untyped_hook, *typed_hook;

void suspend_throw_hooks(void) {
    if (&_swift_willThrow != NULL) untyped_hook = __c11_atomic_exchange(&_swift_willThrow, NULL, __ATOMIC_SEQ_CST);
    if (&_swift_willThrowTypedImpl != NULL)
        typed_hook = __c11_atomic_exchange(&_swift_willThrowTypedImpl, NULL, __ATOMIC_SEQ_CST);
}

void resume_throw_hooks(void) {
    if (&_swift_willThrow != NULL) __c11_atomic_store(&_swift_willThrow, untyped_hook, __ATOMIC_SEQ_CST);
    if (&_swift_willThrowTypedImpl != NULL)
        __c11_atomic_store(&_swift_willThrowTypedImpl, typed_hook, __ATOMIC_SEQ_CST);
}

// glibc's own names of its functions, there for those who stand before them.
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

void *malloc(size_t size) {
    count++;
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    count++;
    return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size) {
    count++;
    return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
    count++;
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **result, size_t alignment, size_t size) {
    void *memory = memalign(alignment, size);
    if (memory == NULL) return ENOMEM;
    *result = memory;
    return 0;
}
