// What is wider than its place can be reached and scrolled by keyboard; what is not is no stop on the way.
(() => {
  const places = 'article pre, .formula-scroll, .table-wrapper, article .output.text_html'
  const mark = () => {
    for (const place of document.querySelectorAll(places)) {
      if (place.scrollWidth > place.clientWidth) place.tabIndex = 0
      else place.removeAttribute('tabindex')
    }
  }
  addEventListener('DOMContentLoaded', mark)
  addEventListener('load', mark)
  addEventListener('resize', mark)
})()
