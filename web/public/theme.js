// Sets theme and language before the first paint, so that neither changes before the reader's eyes.
// A file of its own, because the content security policy forbids inline scripts.
(function () {
  var root = document.documentElement;
  var theme = null;
  var language = null;
  try {
    theme = localStorage.getItem("parley.theme");
    language = localStorage.getItem("parley.language");
  } catch {
    // Storage is switched off: the system's choices hold.
  }
  var dark = theme === "dark" || (theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  root.classList.toggle("dark", dark);
  if (language) root.lang = language;
})();
