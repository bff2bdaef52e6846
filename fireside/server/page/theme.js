// Light or dark: what the person chose here, else what their system says.
// Loaded before the page is painted, so that it never flashes in the wrong colours.
(() => {
  const chosen = localStorage.getItem("fireside.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
