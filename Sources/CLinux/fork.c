#include "syscalls.h"

#include <unistd.h>

int linux_fork(void) { return fork(); }
