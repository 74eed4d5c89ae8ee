import { createElement } from 'react';

/** @param {{ readonly children: import('react').ReactNode }} properties */
const Layout = ({ children }) => createElement('html', { lang: 'en' }, createElement('body', null, children));

export default Layout;
