// For every test that runs gRPC or prometheus-cpp: the distribution's are compiled without
// sanitizers. ThreadSanitizer sees what they copy and not how they lock, and reports 140 races in
// the handshakes of seven tests; the leak is c-ares', of looking up "localhost". Our own races are
// still found.
#if defined(__SANITIZE_THREAD__)
extern "C" const char* __tsan_default_options() { return "ignore_noninstrumented_modules=1"; }
#endif
#if defined(__SANITIZE_ADDRESS__)
extern "C" const char* __lsan_default_suppressions() { return "leak:libcares\n"; }
#endif
