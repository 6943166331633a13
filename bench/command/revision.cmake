# cmake -DVERSION=... -DSOURCE_DIR=... -DTEMPLATE=... -DOUTPUT=... -P revision.cmake
# Writes OUTPUT from TEMPLATE with the revision of SOURCE_DIR, and leaves it alone if it says so already.
# A tree without .git of its own (a tarball, perhaps unpacked inside some other repository) has no revision.
set(revision "unknown")
find_program(GIT git)
if(GIT AND EXISTS "${SOURCE_DIR}/.git")
  # safe.directory: in a container, the tree may belong to another user.
  execute_process(
    COMMAND "${GIT}" -c safe.directory=* describe --always --dirty --abbrev=12 --exclude=*
    WORKING_DIRECTORY "${SOURCE_DIR}"
    RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(result EQUAL 0 AND output MATCHES "^[0-9a-f]+(-dirty)?$")
    set(revision "${output}")
  endif()
endif()
configure_file("${TEMPLATE}" "${OUTPUT}" @ONLY)
