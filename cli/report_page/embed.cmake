# Writes OUTPUT, a C++ source that holds the parts of the report page.
#
#   cmake -DOUTPUT=FILE -DFOLDER=DIR -P embed.cmake
#
# A raw string may be long, but not endless: each file is one of its own.

set(script "")
foreach(name IN ITEMS model timeline tables page)
  file(READ ${FOLDER}/${name}.js one)
  string(APPEND script "${one}")
endforeach()
file(READ ${FOLDER}/page.html html)
file(READ ${FOLDER}/page.css style)

set(text "// Made by embed.cmake. Do not edit.\n\n")
string(APPEND text "#include \"cli/report_page.hpp\"\n\nnamespace cli {\n")
foreach(name IN ITEMS html style script)
  if("${${name}}" MATCHES "\\)page\"")
    message(FATAL_ERROR "report_page: ${name} holds )page\"")
  endif()
  string(APPEND text
    "\nconst std::string_view report_page_${name} = R\"page(${${name}})page\";\n"
  )
endforeach()
string(APPEND text "\n}  // namespace cli\n")
file(WRITE ${OUTPUT} "${text}")
