# Warnings are errors, in our code only; sanitizers where asked for.
function(tilepath_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
                         -Wno-restrict  # GCC 12 reports it inside std::string (PR105651)
                         -Wnon-virtual-dtor -Woverloaded-virtual -Wduplicated-cond -Wlogical-op -Werror)
  if(TILEPATH_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${TILEPATH_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer
                           -Wno-maybe-uninitialized)
    target_link_options(${target} PUBLIC -fsanitize=${TILEPATH_SANITIZE})
  endif()
endfunction()
