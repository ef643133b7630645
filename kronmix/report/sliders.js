for (const figure of document.querySelectorAll(".slider")) {
  const data = JSON.parse(figure.querySelector("script").textContent);
  const input = figure.querySelector("input"), word = figure.querySelector("output");
  const canvas = figure.querySelector("canvas"), cursor = figure.querySelector(".cursor");
  const values = figure.querySelector(".values");
  const levels = data.frames ? Int8Array.from(atob(data.frames), letter => letter.charCodeAt(0)) : null;
  const colour = name => {
    const text = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    return [1, 3, 5].map(i => parseInt(text.slice(i, i + 2), 16));
  };
  function show() {
    const i = Number(input.value);
    word.textContent = data.words[i];
    input.setAttribute("aria-valuetext", data.words[i]);
    cursor.style.left = 100 * data.places[i] + "%";
    values.textContent = Object.entries(data.values).map(([name, told]) => name + " " + told[i]).join(" · ");
    if (!levels) return;
    const size = data.rows * data.columns, context = canvas.getContext("2d");
    const picture = context.createImageData(data.columns, data.rows);
    const paper = colour("--paper"), high = colour("--series-1"), low = colour("--series-2");
    for (let k = 0; k < size; k++) {
      const level = levels[i * size + k] / 127, share = Math.min(1, Math.abs(level)), ink = level > 0 ? high : low;
      for (let c = 0; c < 3; c++) picture.data[4 * k + c] = paper[c] + share * (ink[c] - paper[c]);
      picture.data[4 * k + 3] = 255;
    }
    context.putImageData(picture, 0, 0);
  }
  input.addEventListener("input", show);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  show();
}
