// What is wider than its place can be reached and scrolled by keyboard; what is not is no stop on the way.
(() => {
  const places = 'article pre, .formula-scroll, .table-wrapper, article .output.text_html'
  const mark = () => {
    for (const place of document.querySelectorAll(places)) {
      const wide = place.scrollWidth > place.clientWidth
      if (wide) place.tabIndex = 0
      else place.removeAttribute('tabindex')
      place.classList.toggle('wide', wide)
    }
  }
  addEventListener('DOMContentLoaded', mark)
  addEventListener('load', mark)
  addEventListener('resize', mark)
})()
