// Exists so that precompiled headers have a target that owns them (cmake/precompiled.cmake).
