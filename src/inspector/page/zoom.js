// @ts-nocheck – runs in browsers; the compiler has the types of Node only
// The size of the drawing: the whole chart at once, or near enough to read, where one clicks.
import { byId, say } from './view.js';

/** The smallest text in a near drawing, and the usual size of its units, in px. */
const minText = 12;
const usualUnit = 4 / 3;

const stage = byId('drawing');
const button = byId('zoom');
let isNear = false;

const pictureShown = () => {
  const picture = stage.firstElementChild;
  return picture?.matches('.chart') ? picture : undefined;
};

/** Returns the size of the picture's units on the screen, in px. */
const unitOf = (picture) => picture.getScreenCTM()?.a || 1;

/** Returns the size of the smallest text in the units of the picture. */
const smallestText = (picture) =>
  Math.min(...[...picture.querySelectorAll('tspan')].map((text) => Number(text.getAttribute('font-size')) || 11));

/** Sets the size of the picture shown. A near one is always bigger than one that fits. */
const resize = (picture) => {
  picture.style.width = '';
  picture.style.height = '';
  stage.classList.toggle('near', isNear);
  if (!isNear) return;
  stage.classList.remove('near');
  const unit = Math.max(usualUnit, minText / smallestText(picture), 1.5 * unitOf(picture));
  stage.classList.add('near');
  const { width, height } = picture.viewBox.baseVal;
  picture.style.width = `${Math.ceil(width * unit)}px`;
  picture.style.height = `${Math.ceil(height * unit)}px`;
};

const showState = () => {
  const picture = pictureShown();
  button.hidden = !picture;
  byId('detail').hidden = !picture;
  byId('hint').hidden = !picture;
  button.setAttribute('aria-pressed', String(isNear));
  say(button, isNear ? 'zoom out' : 'zoom in');
  const canPoint = matchMedia('(pointer: fine)').matches;
  say(
    byId('hint'),
    isNear
      ? `${canPoint ? 'Click' : 'Tap'} the chart or press Escape to see all of it.`
      : `${canPoint ? 'Click' : 'Tap'} a part of the chart to zoom in there.`,
  );
};

/** Returns the middle of what is active, or of the picture. */
const middleOf = (picture) => {
  const { x, y, width, height } = (
    picture.querySelector('.atomic.active > .box') ??
    picture.querySelector('.active > .box') ??
    picture
  ).getBoundingClientRect();
  return new DOMPoint(x + width / 2, y + height / 2);
};

/** Scrolls so that a point of the picture is at a place on the screen. */
const bring = (picture, point, place) => {
  const { x, y } = point.matrixTransform(picture.getScreenCTM());
  stage.scrollBy(x - place.x, y - place.y);
};

const middleOfStage = () => {
  const { x, y, width, height } = stage.getBoundingClientRect();
  return new DOMPoint(x + width / 2, y + height / 2);
};

/** Zooms in or out. The place on the screen, if there is one, stays where it is. */
export const zoom = (toNear, place) => {
  const picture = pictureShown();
  isNear = toNear;
  if (picture) {
    const screen = place ?? middleOf(picture);
    const point = screen.matrixTransform(picture.getScreenCTM().inverse());
    resize(picture);
    if (isNear) bring(picture, point, place ?? middleOfStage());
  }
  showState();
};

/** Sizes a picture that has come into the stage. */
export const fitPicture = () => {
  const picture = pictureShown();
  if (picture) resize(picture);
  else stage.classList.remove('near');
  if (picture && isNear) {
    const point = middleOf(picture).matrixTransform(picture.getScreenCTM().inverse());
    bring(picture, point, middleOfStage());
  }
  showState();
};

stage.addEventListener('click', ({ target, clientX, clientY }) => {
  if (target.closest('.chart')) zoom(!isNear, new DOMPoint(clientX, clientY));
});
button.addEventListener('click', () => zoom(!isNear));
addEventListener('keydown', ({ key, target }) => {
  if (key === 'Escape' && isNear && !target.closest?.('input')) zoom(false);
});
