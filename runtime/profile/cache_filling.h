// Caches for timing: a context without computing it.
#pragma once

#include "runtime/model/kv_cache.h"

namespace hat {

// Random keys and values in the first `slots` slots of every layer: memory that was never written
// would be read at another speed.
void FillCache(KvCache& cache, int slots);

// Makes the cache a chain of `context` tokens, whatever it holds; keys and values stay.
void SetContext(KvCache& cache, int context);

}  // namespace hat
